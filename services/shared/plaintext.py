"""What may leave this machine in plain text: nothing, unless the company says otherwise. Knows no gRPC."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address

from services.shared.settings import SettingWrong

PLAINTEXT = "DUNLIN_PLAINTEXT"

_REFUSED, _ALLOWED = ("", "refused"), "allowed"


@dataclass(frozen=True)
class Plaintext:
    """Where plain text may go beyond this machine."""

    everywhere: bool = False
    hosts: frozenset[str] = frozenset()

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Plaintext":
        """`refused` (the default), `allowed`, or host names with commas: plain text may go to these alone."""
        text = env.get(PLAINTEXT, "").strip()
        if text in _REFUSED:
            return cls()
        if text == _ALLOWED:
            return cls(everywhere=True)
        return cls(hosts=frozenset(host.strip() for host in text.split(",")) - {""})

    def check(self, host: str, what: str, cure: str) -> None:
        """`SettingWrong` that begins with `what` and names the cure, unless plain text may go to `host`."""
        if self.everywhere or host in self.hosts or is_this_machine(host):
            return
        raise SettingWrong(
            f"{what}, which is beyond this machine: {cure}, or set {PLAINTEXT}=allowed, or to the names of"
            " the hosts that plain text may go to, if you trust the network in between."
        )


NOWHERE = Plaintext()
"""Plain text stays on this machine."""


def is_this_machine(host: str) -> bool:
    """Whether what goes to `host` never leaves this machine. A name other than localhost may."""
    host = host.removeprefix("[").removesuffix("]")
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
