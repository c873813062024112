"""URLs of databases and brokers: with their passwords, and without plain text where it is not allowed."""

from collections.abc import Mapping
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from services.shared.plaintext import Plaintext
from services.shared.settings import SettingWrong, required, secret_file

_DRIVERS = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")
_ENCRYPTED = ("require", "verify-ca", "verify-full")


def server_url(env: Mapping[str, str], name: str) -> str:
    """The URL of a database, with its password.

    `SettingWrong` if what is asked and answered would go beyond this machine in plain text unallowed.
    """
    text = url_with_password(env, name)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise _no_url(name) from None
    if url.drivername not in _DRIVERS:
        raise _no_url(name)
    if "@" in (url.host or ""):
        # Part of a password, most likely: it must not be shown.
        raise SettingWrong(f"{name} holds more than one @; in a password it is written as %40.")
    if url.get_backend_name() == "sqlite" or _setting(url, env, "sslmode") in _ENCRYPTED:
        return text
    for host in _hosts(url, env):
        if host and not host.startswith(("/", "@")):
            Plaintext.read(env).check(host, f"{name} leads to {host}", "put ?sslmode=verify-full behind it")
    return text


def _no_url(name: str) -> SettingWrong:
    return SettingWrong(f"{name} is no URL of a database, such as postgresql://user@host/name.")


def url_with_password(env: Mapping[str, str], name: str) -> str:
    """The URL in the variable, with the password of the file that `..._PASSWORD_FILE` names.

    So a URL can stand where everybody may read it, and its password elsewhere. Without that variable the
    URL is taken as it is. Of several URLs between semicolons each gets the password.
    """
    url = required(env, name)
    file = f"{name.removesuffix('_URL')}_PASSWORD_FILE"
    if not env.get(file):
        return url
    password = quote(secret_file(env, file), safe="")
    parts = [one.partition("://") for one in url.split(";")]
    places = [(scheme, *rest.rpartition("@")) for scheme, _, rest in parts]
    if any(not user or ":" in user for _, user, _, _ in places):
        raise SettingWrong(
            f"{name} must be like scheme://user@host/name, without a password, where {file} is set."
        )
    return ";".join(f"{scheme}://{user}:{password}@{place}" for scheme, user, _, place in places)


def _hosts(url: URL, env: Mapping[str, str]) -> list[str]:
    """Every host that libpq might go to; an empty one, or a path, is a socket of this machine.

    An address goes before a name, wherever either comes from; where a service leads nobody can tell here.
    """
    query = url.normalized_query
    names = [url.host or "", *query.get("host", ())]
    names = names if any(names) else [env.get("PGHOST", "")]
    addresses = query.get("hostaddr") or [env.get("PGHOSTADDR", "")]
    hosts = [host for text in (*names, *addresses) for host in text.split(",")]
    # In a query a host may bring its port along.
    hosts = [host if host.count(":") > 1 else host.partition(":")[0] for host in hosts]
    service = _setting(url, env, "service")
    return [*hosts, f"the service {service}"] if service else hosts


def _setting(url: URL, env: Mapping[str, str], name: str) -> str:
    values = url.normalized_query.get(name)
    return values[-1] if values else env.get(f"PG{name.upper()}", "")
