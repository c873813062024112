"""How programs talk to each other: with certificates on both sides, or in plain text on one machine."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from cryptography import x509

from services.shared import metrics
from services.shared.plaintext import NOWHERE, Plaintext, is_this_machine
from services.shared.settings import SettingMissing, SettingWrong, required

CERTIFICATE, KEY, AUTHORITY = "DUNLIN_TLS_CERT_FILE", "DUNLIN_TLS_KEY_FILE", "DUNLIN_TLS_CA_FILE"


@dataclass(frozen=True)
class Tls:
    """What a program shows the others, and whom it believes; PEM. Without a certificate it speaks plainly.

    The certificate is shown to callers and to those who are called, so it must be good for both, and name
    every host under which the program is called.
    """

    certificate: bytes = b""
    key: bytes = field(default=b"", repr=False)
    authority: bytes = b""
    plaintext: Plaintext = NOWHERE
    """Where plain text may go beyond this machine; says nothing where there are certificates."""

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Tls":
        """From the environment: all three files, or none. `SettingError` says which one is wrong and why."""
        plaintext = Plaintext.read(env)
        names = (CERTIFICATE, KEY, AUTHORITY)
        if not any(env.get(name) for name in names):
            return cls(plaintext=plaintext)
        if missing := [name for name in names if not env.get(name)]:
            raise SettingMissing(f"{missing[0]} is not set; {', '.join(names)} are needed together.")
        certificate, key, authority = (_content(env, name) for name in names)
        _check(env)
        for what, pem in {"program": certificate, "authority": authority}.items():
            ends = x509.load_pem_x509_certificate(pem).not_valid_after_utc
            metrics.CERTIFICATE_ENDS.labels(what).set(ends.timestamp())
        return cls(certificate, key, authority, plaintext=plaintext)

    @property
    def is_on(self) -> bool:
        """Whether everything is encrypted, and both sides show who they are."""
        return bool(self.certificate)

    def address(self, env: Mapping[str, str], name: str) -> str:
        """The host:port in the variable. `SettingWrong` if plain text would leave this machine unallowed."""
        address = required(env, name)
        self.check(address, f"{name} is {address}")
        return address

    def check(self, address: str, what: str) -> None:
        """Raises `SettingWrong`, beginning with `what`, if plain text would leave this machine unallowed."""
        if not self.is_on:
            self.plaintext.check(_host(address), what, f"set {CERTIFICATE}, {KEY} and {AUTHORITY}")

    def channel(self, address: str, options: list[tuple[str, object]]) -> grpc.Channel:
        """A channel to host:port, which must show a certificate with that host's name."""
        self.check(address, f"The address of a program is {address}")
        if not self.is_on:
            return grpc.insecure_channel(_target(address), options=options)
        credentials = grpc.ssl_channel_credentials(self.authority, self.key, self.certificate)
        return grpc.secure_channel(_target(address), credentials, options=options)

    def listen(self, server: grpc.Server, address: str) -> int:
        """Lets the server listen at host:port, for callers with a certificate; returns the port."""
        self.check(address, f"A program listens at {address}")
        if not self.is_on:
            return server.add_insecure_port(address)
        credentials = grpc.ssl_server_credentials(
            [(self.key, self.certificate)], self.authority, require_client_auth=True
        )
        return server.add_secure_port(address, credentials)


PLAIN = Tls()
"""Plain text, on this machine only."""


def is_loopback(address: str) -> bool:
    """Whether host:port never leaves this machine. A name other than localhost may."""
    return is_this_machine(_host(address))


def _host(address: str) -> str:
    return address.rpartition(":")[0]


def _target(address: str) -> str:
    """As gRPC wants it. Its own way of writing several addresses is left as it is."""
    return address if address.startswith(("ipv4:", "ipv6:")) else f"dns:///{address}"


def _content(env: Mapping[str, str], name: str) -> bytes:
    path = Path(env[name])
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingWrong(f"{name} names {path}, which cannot be read: {error.strerror}.") from error


def _check(env: Mapping[str, str]) -> None:
    """gRPC takes any bytes and fails at the first call without a reason; OpenSSL says what is wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # Without the password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(env[CERTIFICATE], env[KEY], password="")
    except (ssl.SSLError, ValueError) as error:
        raise SettingWrong(
            f"{CERTIFICATE} and {KEY} are not a certificate and its key, both PEM and without a password:"
            f" {error}."
        ) from error
    try:
        context.load_verify_locations(env[AUTHORITY])
    except (ssl.SSLError, ValueError) as error:
        raise SettingWrong(f"{AUTHORITY} holds no certificate of an authority in PEM: {error}.") from error
