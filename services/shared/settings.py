"""Reading settings from the environment; a gap or a slip names its variable."""

from collections.abc import Mapping
from pathlib import Path


class SettingError(Exception):
    """A setting stops the start; the text names the variable and says what it should be."""


class SettingMissing(SettingError):
    """A variable that is needed is not set."""


class SettingWrong(SettingError):
    """A variable is set to something that cannot be used."""


def required(env: Mapping[str, str], name: str) -> str:
    """The variable's value; `SettingMissing` if it is unset or empty."""
    value = env.get(name, "")
    if not value:
        raise SettingMissing(f"{name} is not set; the table of settings in README.md says what it is.")
    return value


def optional(env: Mapping[str, str], name: str, default: str) -> str:
    """The variable's value, or the default if it is unset or empty."""
    return env.get(name) or default


def integer(env: Mapping[str, str], name: str, default: int, *, least: int = 0) -> int:
    """The variable as a whole number not below `least`."""
    text = env.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise SettingWrong(f"{name} is {text!r}; it must be a whole number from {least} on.")
    return int(text)


def seconds(env: Mapping[str, str], name: str, default: float) -> float:
    """The variable as a number of seconds, zero or more."""
    text = env.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingWrong(f"{name} is {text!r}; it must be a number of seconds, such as 2.5.")
    return value


def choice(env: Mapping[str, str], name: str, default: str, choices: tuple[str, ...]) -> str:
    """The variable, which must be one of the choices."""
    value = env.get(name) or default
    if value not in choices:
        raise SettingWrong(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")
    return value


def _no_secret(name: str, path: Path) -> SettingWrong:
    return SettingWrong(f"{name} names {path}, whose content is not one line of ASCII characters.")


def secret_file(env: Mapping[str, str], name: str) -> str:
    """The content of the file that the variable names, without surrounding white space.

    Secrets come by file so that they show in no process list and no crash report.
    """
    path = Path(required(env, name))
    try:
        secret = path.read_bytes().strip().decode("ascii")
    except OSError as error:
        raise SettingWrong(f"{name} names {path}, which cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise _no_secret(name, path) from None
    if not secret.isprintable():
        raise _no_secret(name, path)
    if len(secret) < 16:
        raise SettingWrong(f"{name} names {path}, whose content is shorter than 16 characters.")
    return secret
