"""Every setting once: name, default, help. Flags, environment, mockserver.toml, --help and docs come from here."""

import math
import os
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from mockserver.core.accounts import RateLimit
from mockserver.core.durations import FORM_HINT, duration_s

ENVIRONMENT = "MOCKSERVER_"
FILE = "mockserver.toml"


class SettingsError(Exception):
    """A setting is wrong: which, where it was given, its value and what is wanted."""


class Settings(NamedTuple):
    """What the mock runs with; for what each means see `SETTINGS`."""

    host: str = "127.0.0.1"
    port: int = 4010
    store: str = "memory"
    speed: float = 15.0
    seed: int | None = None
    public_url: str = ""
    admin_token: str = ""
    webhook_signing: Literal["hex", "raw"] = "hex"
    webhook_allow: tuple[str, ...] = ("loopback",)
    webhook_attempts: tuple[float, ...] = (0.0, 1.0, 5.0)
    webhook_timeout: float = 10.0
    webhook_concurrency: int = 32
    rate_limit: RateLimit | None = None
    max_concurrent_jobs: int | None = None
    max_jobs: int = 100_000
    max_body_mb: float = 15.0
    retention: float = 24 * 3600.0
    no_control: bool = False
    no_directives: bool = False
    log_format: Literal["text", "json"] = "text"
    quiet: bool = False
    verbose: bool = False


class Setting(NamedTuple):
    """One row: how a setting is given and what it does."""

    name: str
    read: Callable[[str], Any]
    shown_default: str
    form: str
    help: str
    flag: str = ""
    """Where it is not the name with dashes."""
    is_switch: bool = False

    @property
    def option(self) -> str:
        """The command line's flag."""
        return self.flag or "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT + self.name.upper()


def _text(value: str) -> str:
    return value


def _port(value: str) -> int:
    return _whole(value, 0, 65_535)


def _whole(value: str, least: int = 1, most: int = 10**12) -> int:
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        msg = f"want a whole number from {least} to {most}"
        raise ValueError(msg)
    return number


def _speed(value: str) -> float:
    if value.strip().lower() == "instant":
        return math.inf
    return _positive(value, 'want a number above 0, or "instant"')


def _positive(value: str, wanted: str = "want a number above 0") -> float:
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not (number > 0 and math.isfinite(number)):
        raise ValueError(wanted)
    return number


def _seconds(value: str) -> float:
    try:
        return duration_s(value)
    except ValueError:
        raise ValueError(FORM_HINT) from None


def _choice(*options: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in options:
            raise ValueError("want " + " or ".join(options))
        return value

    return read


def _store(value: str) -> str:
    if value != "memory":
        msg = "want memory (sqlite: and redis: are not built yet)"
        raise ValueError(msg)
    return value


def read_rate_limit(value: str) -> RateLimit | None:
    """A limit from `500/60s`; none for `off`.

    Raises:
        ValueError: the text has another form.
    """
    wanted = 'want REQUESTS/SPAN, as in "500/60s", or "off"'
    if value == "off":
        return None
    number, _, span = value.partition("/")
    try:
        limit = RateLimit(int(number), duration_s(span))
    except ValueError:
        raise ValueError(wanted) from None
    if limit.requests < 1 or limit.per_s <= 0:
        raise ValueError(wanted)
    return limit


def _jobs_limit(value: str) -> int | None:
    return None if value == "off" else _whole(value)


def _hosts(value: str) -> tuple[str, ...]:
    hosts = tuple(part.strip() for part in value.split(",") if part.strip())
    if not hosts:
        msg = "want loopback, private, any or host names, separated by commas"
        raise ValueError(msg)
    return hosts


def _attempts(value: str) -> tuple[float, ...]:
    try:
        moments = tuple(duration_s(part) for part in value.split(","))
    except ValueError:
        moments = ()
    if not moments or moments[0] != 0 or list(moments) != sorted(moments):
        msg = 'want rising times after the event, the first 0s, as in "0s,1s,5s"'
        raise ValueError(msg)
    return moments


def _url(value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        msg = "want an address that starts with http:// or https://"
        raise ValueError(msg)
    return value.rstrip("/")


def _switch(value: str) -> bool:
    known = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if value.lower() not in known:
        msg = "want true or false"
        raise ValueError(msg)
    return known[value.lower()]


SETTINGS = (
    Setting(
        "host",
        _text,
        "127.0.0.1",
        "HOST",
        "Address to listen on. Anything but loopback closes the control plane unless --admin-token is given.",
    ),
    Setting("port", _port, "4010", "PORT", "Port to listen on; 0 takes a free one and prints it."),
    Setting("store", _store, "memory", "STORE", "Where state is kept: memory."),
    Setting(
        "speed",
        _speed,
        "15",
        "N",
        'Divide job time by N; 1 is the real pace (an image takes 10 to 60 s), "instant" ends jobs at once.',
    ),
    Setting(
        "seed",
        lambda v: _whole(v, 0, 2**63),
        "by chance",
        "N",
        "The same seed and the same requests give the same ids and outcomes.",
    ),
    Setting(
        "public_url",
        _url,
        "from host and port",
        "URL",
        "Where result addresses start, when the mock stands behind something.",
    ),
    Setting(
        "admin_token",
        _text,
        "none",
        "TOKEN",
        "Opens the control plane to other machines: they send it as X-Mock-Token.",
    ),
    Setting(
        "webhook_signing",
        _choice("hex", "raw"),
        "hex",
        "hex|raw",
        "HMAC key of webhook signatures: the key's SHA-256 as hex text, or its raw bytes.",
    ),
    Setting(
        "webhook_allow",
        _hosts,
        "loopback",
        "WHO",
        "Where webhooks may go: loopback, private, any, or host names, separated by commas.",
    ),
    Setting("webhook_attempts", _attempts, "0s,1s,5s", "TIMES", "When a webhook is tried, counted from its event."),
    Setting("webhook_timeout", _seconds, "10s", "SPAN", "How long a webhook's receiver may take."),
    Setting("webhook_concurrency", _whole, "32", "N", "Webhooks sent to one host at the same time."),
    Setting("rate_limit", read_rate_limit, "off", "RATE", "Requests of one key: 500/60s is the real API's limit."),
    Setting(
        "max_concurrent_jobs",
        _jobs_limit,
        "off",
        "N",
        "Jobs of one team that run at once; more stay QUEUED. 10 is the real API's example.",
    ),
    Setting("max_jobs", _whole, "100000", "N", "Jobs kept; beyond it finished ones leave, oldest first."),
    Setting("max_body_mb", _positive, "15", "MB", "Largest JSON body."),
    Setting("retention", _seconds, "24h", "SPAN", "How long result files stay; 90d is the older documented value."),
    Setting("no_control", _switch, "off", "", "Leave out the control plane under /_mock.", is_switch=True),
    Setting(
        "no_directives", _switch, "off", "", "Take [[fail]] and the like in prompts as plain text.", is_switch=True
    ),
    Setting("log_format", _choice("text", "json"), "text", "text|json", "Form of the log lines on standard error."),
    Setting("quiet", _switch, "off", "", "Log warnings only.", is_switch=True),
    Setting("verbose", _switch, "off", "", "Log every request.", "-v", is_switch=True),
)

SECRETS = frozenset({"admin_token"})


def load(flags: Mapping[str, str], environment: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """The settings, each from the strongest place that gives it: flag, environment, file, default.

    *file* must exist when given; without it, mockserver.toml of the current folder is read where there is one.

    Raises:
        SettingsError: a value, a name or the file is wrong.
    """
    given = _from_file(file)
    given |= {row.name: (environment[row.variable], row.variable) for row in SETTINGS if row.variable in environment}
    rows = {row.name: row for row in SETTINGS}
    given |= {name: (value, rows[name].option) for name, value in flags.items()}
    return Settings(**{name: _read(rows[name], value, place) for name, (value, place) in given.items()})


def _read(row: Setting, value: str, place: str) -> Any:
    try:
        return row.read(value)
    except ValueError as error:
        shown = "***" if row.name in SECRETS else value[:80]
        msg = f'{place}: "{shown}" will not do: {error}'
        raise SettingsError(msg) from None


def _from_file(file: Path | None) -> dict[str, tuple[str, str]]:
    path = file or Path(FILE)
    if file is None and not path.is_file():
        return {}
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f'--config: cannot read "{path}": {error.strerror}'
        raise SettingsError(msg) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: is no TOML: {error}"
        raise SettingsError(msg) from None
    known = {row.name: row for row in SETTINGS}
    given = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            msg = f'{path}: there is no setting "{key}"; there are {", ".join(sorted(known))}'
            raise SettingsError(msg)
        given[name] = (_as_text(value, f'{path}: "{key}"'), f'{path}: "{key}"')
    return given


def _as_text(value: Any, place: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            return str(value)
        case list() if all(isinstance(item, str) for item in value):
            return ",".join(value)
    msg = f"{place} is a {type(value).__name__}; want a text, a number, true, false, or a list of texts"
    raise SettingsError(msg)
