"""The gateway's settings, read once at the start."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.shared.server_urls import server_url
from services.shared.settings import integer, optional, secret_file
from services.shared.tls import PLAIN, Tls


@dataclass(frozen=True)
class Settings:
    """Where the gateway listens, what it trusts, and where the other programs are."""

    listen: str
    """host:port."""
    public_url: str
    """What browsers call the site, without a slash at the end. With https, cookies are Secure."""
    identity_database_url: str
    session_key: str
    portal_key: str
    """Opens links into the portal and links that unsubscribe, which the mailer seals with it."""
    service_token: str
    scheduler_address: str
    mailer_address: str
    paynow_address: str
    smtp_host: str
    """Empty where the mail server is not to be watched by /healthz."""
    smtp_port: int
    trusted_proxies: int = 0
    """How many reverse proxies stand before the gateway; their X-Forwarded-For is believed."""
    tls: Tls = PLAIN
    """How it talks to the other programs."""
    probe_listen: str = ""
    """host:port of /metrics, /livez and /readyz; empty for none."""

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Settings":
        """Reads the environment; a gap raises `SettingError` and names the variable."""
        listen = optional(env, "DUNLIN_GATEWAY_LISTEN", "127.0.0.1:8000")
        tls = Tls.read(env)
        return cls(
            listen=listen,
            public_url=optional(env, "DUNLIN_PUBLIC_URL", f"http://{listen}").rstrip("/"),
            identity_database_url=server_url(env, "DUNLIN_IDENTITY_DATABASE_URL"),
            session_key=secret_file(env, "DUNLIN_SESSION_KEY_FILE"),
            portal_key=secret_file(env, "DUNLIN_PORTAL_KEY_FILE"),
            service_token=secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"),
            scheduler_address=tls.address(env, "DUNLIN_SCHEDULER_ADDRESS"),
            mailer_address=tls.address(env, "DUNLIN_MAILER_ADDRESS"),
            paynow_address=tls.address(env, "DUNLIN_PAYNOW_ADDRESS"),
            smtp_host=optional(env, "DUNLIN_SMTP_HOST", ""),
            smtp_port=integer(env, "DUNLIN_SMTP_PORT", 25, least=1),
            trusted_proxies=integer(env, "DUNLIN_TRUSTED_PROXIES", 0),
            tls=tls,
            probe_listen=optional(env, "DUNLIN_METRICS_LISTEN", ""),
        )

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the site over TLS."""
        return self.public_url.startswith("https://")
