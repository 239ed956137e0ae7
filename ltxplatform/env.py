"""Typed readers of environment variables: a wrong value names its variable instead of being guessed at."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def read_dotenv(path: Path) -> None:
    """Put the `NAME=value` lines of `path` into the environment; what is already set there wins.

    Raises ImproperlyConfigured for a line that is neither a comment nor an assignment.
    """
    if not path.exists():
        return
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.removeprefix("export ").partition("=")
        if not separator or not name.strip().isidentifier():
            raise ImproperlyConfigured(f"{path.name}, line {number}: expected NAME=value.")
        os.environ.setdefault(name.strip(), value.strip().strip("'\""))


def text(name: str, default: str = "") -> str:
    """The variable's value without surrounding space, or `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def secret(name: str, default: str = "") -> str:
    """`NAME`, or the content of the file that `NAME_FILE` points at (container secrets)."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name, default)
    if text(name):
        raise ImproperlyConfigured(f"Set either {name} or {name}_FILE, not both.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from error


def boolean(name: str, *, default: bool) -> bool:
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE:
        return True
    if value in FALSE:
        return False
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def integer(name: str, *, default: int, minimum: int = 0, maximum: int | None = None) -> int:
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if number < minimum or (maximum is not None and number > maximum):
        bounds = f"at least {minimum}" if maximum is None else f"between {minimum} and {maximum}"
        raise ImproperlyConfigured(f"{name} must be {bounds}, not {number}.")
    return number


def integers(name: str, *, default: tuple[int, ...], minimum: int = 0) -> tuple[int, ...]:
    """A comma-separated list of whole numbers."""
    try:
        numbers = tuple(int(item) for item in items(name)) or default
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be whole numbers with commas between them.") from None
    if min(numbers) < minimum:
        raise ImproperlyConfigured(f"{name} must be at least {minimum} each.")
    return numbers


def amount(name: str, *, default: str) -> Decimal:
    """Dollars of zero or more, exactly as written."""
    value = text(name, default)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ImproperlyConfigured(f"{name} must be an amount such as 0.02, not {value!r}.") from None
    if not number.is_finite() or number < 0:
        raise ImproperlyConfigured(f"{name} must be zero or more, not {value!r}.")
    return number


def choice(name: str, *, default: str, options: Iterable[str]) -> str:
    value = text(name, default)
    if value not in set(options):
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(options)}, not {value!r}.")
    return value


def items(name: str, *, default: tuple[str, ...] = ()) -> list[str]:
    """A comma-separated list; empty items are dropped."""
    value = text(name)
    return [item.strip() for item in value.split(",") if item.strip()] if value else list(default)


@dataclass(frozen=True, slots=True)
class NamedKey:
    """One of several keys to a service: `window` is how many jobs it may have there at once."""

    name: str
    secret: str = field(repr=False)
    window: int


KEY_FORM = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]{0,39})=(?P<secret>[^\s:@=,]+:[^\s:@=,]+)(?:@(?P<window>\d{1,5}))?"
)


def named_keys(name: str, *, window: int, maximum: int) -> tuple[NamedKey, ...]:
    """`first=id:secret@20, second=id:secret`: keys by name; one without a window gets `window`.

    Raises ImproperlyConfigured with the place of the entry, never with its text: it is a secret.
    """
    value = secret(name)
    found: list[NamedKey] = []
    for number, entry in enumerate((entry.strip() for entry in value.split(",") if entry.strip()), start=1):
        match = KEY_FORM.fullmatch(entry)
        if match is None:
            raise ImproperlyConfigured(
                f"{name}, entry {number}: expected name=id:secret or name=id:secret@jobs."
            )
        key = NamedKey(match["name"], match["secret"], int(match["window"] or window))
        if not 1 <= key.window <= maximum:
            raise ImproperlyConfigured(f"{name}, entry {number}: jobs must be between 1 and {maximum}.")
        if any(key.name == other.name or key.secret == other.secret for other in found):
            raise ImproperlyConfigured(f"{name}, entry {number}: this name or key is there already.")
        found.append(key)
    return tuple(found)


def address(name: str, *, default: str = "") -> str:
    """An absolute http(s) address without a trailing slash, or "" when unset."""
    value = text(name, default)
    if not value:
        return ""
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ImproperlyConfigured(f"{name} must be an address such as https://example.com, not {value!r}.")
    if parts.username or parts.password:
        raise ImproperlyConfigured(f"{name} must not carry a user name or password.")
    return value.rstrip("/")


def database(name: str, *, default: str) -> dict[str, object]:
    """Django's settings for a `postgresql://user:password@host:port/name` address.

    A Unix socket folder goes into `?host=`: `postgresql://postgres@/name?host=/run/postgresql`.
    """
    value = secret(name, default)
    parts = urlsplit(value)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} must start with postgresql://; other databases are not supported."
        )
    options = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/") or "postgres",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }
