"""The programs of the embedded way of running: what each is started with."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

from embedded.dkim_keys import dkim_of_home
from embedded.home import Home
from embedded.ports import LOOPBACK, free_ports
from services.shared.settings import SettingWrong, integer, optional

GATEWAY = "gateway"
MAIL_SINK = "mail-sink"

# The order in which they start. They stop the other way round, so that nothing new comes in while
# what is under way comes to its end.
_BEHIND = ("paynow", "mailer", "scheduler")


@dataclass(frozen=True)
class Program:
    """How one program is started, and where it answers."""

    name: str
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    host: str
    port: int

    @property
    def address(self) -> str:
        return _joined(self.host, self.port)

    @property
    def migration(self) -> tuple[str, ...] | None:
        """The arguments that bring its databases up to date; None if it has none."""
        if self.name == MAIL_SINK:
            return None
        return (*self.arguments[:2], "migrate")


@dataclass(frozen=True)
class Site:
    """Where the site is bound, and how people reach it."""

    host: str
    port: int
    url: str

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Site":
        """From DUNLIN_PORT, or DUNLIN_GATEWAY_LISTEN where the site is not for this machine alone."""
        port = integer(env, "DUNLIN_PORT", 8000, least=1)
        listen = optional(env, "DUNLIN_GATEWAY_LISTEN", f"{LOOPBACK}:{port}")
        host, _, port_text = listen.rpartition(":")
        if not host or not port_text.isdigit():
            raise SettingWrong(f"DUNLIN_GATEWAY_LISTEN is {listen!r}; it must be host:port.")
        port = int(port_text)
        if not 0 < port < 65536:
            raise SettingWrong(f"The site's port is {port}; it must be from 1 to 65535.")
        site = cls(host.strip("[]"), port, "")
        return replace(site, url=optional(env, "DUNLIN_PUBLIC_URL", f"http://{_joined(site.reached, port)}"))

    @property
    def reached(self) -> str:
        """A host at which this machine reaches the site, also where it is bound to every address."""
        return LOOPBACK if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound


def programs(home: Home, site: Site, env: Mapping[str, str]) -> list[Program]:
    """All programs in the order of their start, on free ports of the loopback.

    `env` is the environment they run in. DUNLIN_SMTP_HOST in it leads the mails to a real server, and
    no mail sink is started then.
    """
    names = list(_BEHIND) if env.get("DUNLIN_SMTP_HOST") else [MAIL_SINK, *_BEHIND]
    ports = free_ports(names)
    common = {**env, **_addresses(home, site, ports)}
    found = [_service(name, home, ports[name], common) for name in _BEHIND]
    if MAIL_SINK in ports:
        found.insert(0, _mail_sink(home, ports[MAIL_SINK], common))
    gateway_env = {
        **common,
        "DUNLIN_GATEWAY_LISTEN": _joined(site.host, site.port),
        "DUNLIN_IDENTITY_DATABASE_URL": home.database_url("identity"),
        "DUNLIN_SESSION_KEY_FILE": str(home.secret("session-key")),
        "DUNLIN_PORTAL_KEY_FILE": str(home.secret("portal-key")),
    }
    gateway = Program(GATEWAY, ("-m", "gateway", "serve"), gateway_env, site.reached, site.port)
    return _probed([*found, gateway], env.get("DUNLIN_METRICS_LISTEN", ""))


def _probed(found: list[Program], listen: str) -> list[Program]:
    """Each of ours tells about itself at a port of its own, if they are to: the first at `listen`."""
    host, _, port = listen.rpartition(":")
    if not port.isascii() or not port.isdigit():
        # None are to; or each says in its own words what is wrong with the setting.
        return found
    ours = [program for program in found if program.name != MAIL_SINK]
    return [
        replace(
            program, env={**program.env, "DUNLIN_METRICS_LISTEN": f"{host}:{int(port) + ours.index(program)}"}
        )
        if program in ours
        else program
        for program in found
    ]


def _addresses(home: Home, site: Site, ports: Mapping[str, int]) -> dict[str, str]:
    """What all of them are told: where the others are, and the token between them."""
    settings = {f"DUNLIN_{name.upper()}_ADDRESS": f"{LOOPBACK}:{ports[name]}" for name in _BEHIND}
    settings["DUNLIN_SERVICE_TOKEN_FILE"] = str(home.secret("service-token"))
    settings["DUNLIN_HOME"] = str(home.root)
    settings["DUNLIN_PUBLIC_URL"] = site.url
    if MAIL_SINK in ports:
        settings |= {
            "DUNLIN_SMTP_HOST": LOOPBACK,
            "DUNLIN_SMTP_PORT": str(ports[MAIL_SINK]),
            "DUNLIN_SMTP_SECURITY": "none",
        }
    return settings


def _service(name: str, home: Home, port: int, common: Mapping[str, str]) -> Program:
    prefix = f"DUNLIN_{name.upper()}"
    env = {
        **common,
        f"{prefix}_DATABASE_URL": home.database_url(name),
        f"{prefix}_LISTEN": f"{LOOPBACK}:{port}",
    }
    if name == "mailer":
        env["DUNLIN_PORTAL_KEY_FILE"] = str(home.secret("portal-key"))
        env |= dkim_of_home(home, common)
    if name == "paynow":
        env["DUNLIN_LINK_KEY_FILE"] = str(home.secret("link-key"))
        env["DUNLIN_SANDBOX_DATABASE_URL"] = home.database_url("sandbox")
    return Program(name, ("-m", f"services.{name}", "all"), env, LOOPBACK, port)


def _mail_sink(home: Home, port: int, common: Mapping[str, str]) -> Program:
    arguments = ("-m", "embedded.mail_sink", "--listen", f"{LOOPBACK}:{port}", "--maildir", str(home.mail))
    return Program(MAIL_SINK, arguments, common, LOOPBACK, port)


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def python(arguments: tuple[str, ...]) -> list[str]:
    """The command that runs a module in this very Python."""
    return [sys.executable, *arguments]
