"""Every setting once: name, default, help. Flags, environment, mockserver.toml, --help and docs come from here."""

import ipaddress
import math
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode

from mockserver.core.accounts import RateLimit
from mockserver.core.durations import FORM_HINT, duration_s
from mockserver.core.plainvalues import strangers

ENVIRONMENT = "MOCKSERVER_"
FILE = "mockserver.toml"
CONFIG = ENVIRONMENT + "CONFIG"
"""The environment variable behind `--config`."""


class SettingsError(Exception):
    """A setting is wrong: which, where it was given, its value and what is wanted."""


class Settings(NamedTuple):
    """What the mock runs with; for what each means see `SETTINGS`."""

    host: str = "127.0.0.1"
    port: int = 4010
    store: str = "memory"
    workers: int = 1
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
    upload_keeps: float = 2 * 3600.0
    probe_inputs: bool = False
    spec: str = ""
    scenario: str = ""
    scenarios: str = "scenarios"
    journal_requests: int = 10_000
    journal_mb: float = 64.0
    fail_on_findings: bool = False
    ready_file: str = ""
    exit_after_idle: float | None = None
    no_control: bool = False
    no_directives: bool = False
    log_format: Literal["text", "json"] = "text"
    quiet: bool = False
    verbose: bool = False
    faults: Sequence[Mapping[str, Any]] = ()
    """Fault rules of the file, unread."""
    file: Path | None = None
    """The file that was read, or would be if it were there."""
    given: frozenset[str] = frozenset()
    """The names of those that somebody set."""


class Setting(NamedTuple):
    """One row: how a setting is given and what it does."""

    name: str
    read: Callable[[str], Any]
    shown_default: str
    form: str
    help: str
    short: str = ""
    """The flag's short form."""
    is_switch: bool = False

    @property
    def option(self) -> str:
        """The command line's flag."""
        return "--" + self.key

    @property
    def key(self) -> str:
        """The name in mockserver.toml."""
        return self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The environment variable."""
        return ENVIRONMENT + self.name.upper()


def _host(value: str) -> str:
    if not _is_host(value):
        msg = 'want a host name or an address, as in "127.0.0.1", without http:// and port'
        raise ValueError(msg)
    return value


def _is_host(text: str) -> bool:
    """Whether the text could be a host's name or address; an empty one would stand for all addresses."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        pass
    else:
        return True
    try:
        return text.encode("idna") != b"" and text.isprintable() and not any(mark in text for mark in " /:@*[]?#,")
    except UnicodeError:
        return False


def _token(value: str) -> str:
    if not (value.isascii() and value.isprintable() and value == value.strip()):
        msg = "want printable ASCII without spaces around it, as a header can carry it"
        raise ValueError(msg)
    return value


MOST_DIGITS = 20
"""More than any whole number here has; endless ones are not even read."""


MOST_WORKERS = 64


def _port(value: str) -> int:
    return _whole(value, 0, 65_535)


def _whole(value: str, least: int = 1, most: int = 10**12) -> int:
    digits = value.strip()
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS else -1
    if not least <= number <= most:
        msg = f"want a whole number from {least} to {most}"
        raise ValueError(msg)
    return number


def _speed(value: str) -> float:
    if value.strip().lower() == "instant":
        return math.inf
    return _number(value, 0.001, 1_000_000, ', or "instant"')


def _megabytes(value: str) -> float:
    return _number(value, 0.001, 1_000)


def _number(value: str, least: float, most: float, otherwise: str = "") -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        msg = f"want a number from {least:g} to {most:.0f}{otherwise}"
        raise ValueError(msg)
    return number


def _seconds(value: str) -> float:
    try:
        return duration_s(value)
    except ValueError:
        raise ValueError(FORM_HINT) from None


def _some_seconds(value: str) -> float:
    seconds = _seconds(value)
    if seconds == 0:
        msg = "want more than nothing; " + FORM_HINT
        raise ValueError(msg)
    return seconds


def _choice(*options: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        if value not in options:
            raise ValueError("want " + " or ".join(options))
        return value

    return read


REDIS = ("redis", "rediss", "unix")
"""What a URL of a Redis begins with: plain, with TLS, through a socket of this machine."""


def _store(value: str) -> str:
    scheme, mark, place = value.partition(":")
    is_url = scheme in REDIS and place.startswith("//") and place != "//"
    if not (value == "memory" or (scheme == "sqlite" and mark and place.strip()) or is_url) or not value.isprintable():
        msg = "want memory, sqlite:PATH, or redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE] (rediss:// with TLS)"
        raise ValueError(msg)
    return value


def without_password(store: str) -> str:
    """The place of a store as messages may show it."""
    scheme, slashes, rest = store.partition("://")
    place, mark, query = rest.partition("?")
    address, slash, path = place.partition("/")
    names, at, host = address.rpartition("@")
    user, colon, _ = names.partition(":")
    asked = [(key, "***" if "password" in key else value) for key, value in parse_qsl(query)]
    return f"{scheme}{slashes}{user}{colon and ':***'}{at}{host}{slash}{path}{mark}{urlencode(asked, safe='*/:')}"


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


def _text(value: str) -> str:
    if not value.strip() or not value.isprintable():
        msg = "want a name or a path"
        raise ValueError(msg)
    return value


def _idle(value: str) -> float | None:
    return None if value == "never" else _some_seconds(value)


def _jobs_limit(value: str) -> int | None:
    return None if value == "off" else _whole(value)


def _hosts(value: str) -> tuple[str, ...]:
    hosts = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not hosts or not all(map(_is_host, hosts)):
        msg = 'want loopback, private, any or whole host names, separated by commas, as in "loopback,hooks.example.com"'
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
    scheme, _, rest = value.partition("://")
    is_plain = value.isascii() and value.isprintable() and not any(mark in value for mark in " ?#\"'<>\\")
    if value and not (scheme.lower() in ("http", "https") and rest.strip("/") and is_plain):
        msg = 'want an address such as "https://mock.example.com", with http:// or https:// and without ? and #'
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
        _host,
        "127.0.0.1",
        "HOST",
        "Address to listen on. Anything but loopback closes the control plane unless --admin-token is given.",
    ),
    Setting("port", _port, "4010", "PORT", "Port to listen on; 0 takes a free one and prints it."),
    Setting(
        "store",
        _store,
        "memory",
        "STORE",
        "Where state is kept: memory, sqlite:PATH (survives restarts), or redis://HOST:PORT/DB (for many servers).",
    ),
    Setting(
        "workers",
        lambda v: _whole(v, 1, MOST_WORKERS),
        "1",
        "N",
        "Processes that serve the port together, over a --store that they share.",
    ),
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
        _token,
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
    Setting("webhook_timeout", _some_seconds, "10s", "SPAN", "How long a webhook's receiver may take."),
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
    Setting("max_body_mb", _megabytes, "15", "MB", "Largest JSON body."),
    Setting("retention", _seconds, "24h", "SPAN", "How long result files stay; 90d is the older documented value."),
    Setting("upload_keeps", _some_seconds, "2h", "SPAN", "How long uploaded files stay."),
    Setting(
        "probe_inputs",
        _switch,
        "off",
        "",
        "Measure inputs whose size or length sets the price: own uploads and loopback addresses; others are 400.",
        is_switch=True,
    ),
    Setting(
        "spec",
        _text,
        "none",
        "FILE",
        "Judge requests by this OpenAPI document where it differs from ours; mockserver drift shows where.",
    ),
    Setting(
        "scenario",
        _text,
        "none",
        "NAME|FILE",
        "Play a scenario: the name of one that ships or of a file in --scenarios, or a file.",
    ),
    Setting("scenarios", _text, "scenarios", "DIR", "Folder of your own scenarios, as .json or .toml files."),
    Setting("journal_requests", lambda v: _whole(v, 0), "10000", "N", "Requests remembered; the oldest leave first."),
    Setting("journal_mb", _megabytes, "64", "MB", "Memory that remembered requests may take."),
    Setting(
        "fail_on_findings",
        _switch,
        "off",
        "",
        "Exit with 1 when clients did something that findings name.",
        is_switch=True,
    ),
    Setting("ready_file", _text, "none", "FILE", "Write the address into this file once the server answers."),
    Setting("exit_after_idle", _idle, "never", "SPAN", "Stop when no request has come for so long."),
    Setting("no_control", _switch, "off", "", "Leave out the control plane under /_mock.", is_switch=True),
    Setting(
        "no_directives", _switch, "off", "", "Take [[fail]] and the like in prompts as plain text.", is_switch=True
    ),
    Setting("log_format", _choice("text", "json"), "text", "text|json", "Form of the log lines on standard error."),
    Setting("quiet", _switch, "off", "", "Log warnings only.", is_switch=True),
    Setting("verbose", _switch, "off", "", "Log every request, unless --quiet.", "-v", is_switch=True),
)

SECRETS = frozenset({"admin_token"})
LISTS = frozenset({"webhook_allow", "webhook_attempts"})
"""What a file may give as a list of texts."""
LIVE = frozenset({"speed", "rate_limit", "retention", "max_concurrent_jobs", "scenario", "scenarios"})
"""What a running server can change; the rest waits for a restart."""


def load(flags: Mapping[str, str], environment: Mapping[str, str] = os.environ, file: Path | None = None) -> Settings:
    """The settings, each from the strongest place that gives it: flag, environment, file, default.

    *file*, or the one that MOCKSERVER_CONFIG names, must exist; without either, mockserver.toml of the current folder
    is read where there is one.

    Raises:
        SettingsError: a value, a name or the file is wrong.
    """
    rows = {row.name: row for row in SETTINGS}
    path, given, faults = _from_file(file, environment.get(CONFIG, ""))
    given |= {row.name: (environment[row.variable], row.variable) for row in SETTINGS if row.variable in environment}
    given |= {name: (value, rows[name].option) for name, value in flags.items()}
    values = {name: _read(rows[name], value, place) for name, (value, place) in given.items()}
    return Settings(**values, faults=faults, file=path, given=frozenset(given))


def from_values(values: Mapping[str, Any]) -> Settings:
    """The settings of values such as a file has, by the names of `Settings`; environment and files are left out.

    Raises:
        SettingsError: a value is wrong.
    """
    rows = {row.name: row for row in SETTINGS}
    read = {name: _read(rows[name], _as_text(rows[name], value, name), name) for name, value in values.items()}
    return Settings(**read, given=frozenset(values))


def table() -> str:
    """The settings as docs/settings.md shows them."""
    lines = ["| flag | environment | default | meaning |", "| --- | --- | --- | --- |"]
    for row in SETTINGS:
        flags = ", ".join(f"`{flag}`" for flag in (row.short, f"{row.option} {row.form}".strip()) if flag)
        cells = (flags, f"`{row.variable}`", row.shown_default, row.help)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _read(row: Setting, value: str, place: str) -> Any:
    try:
        return row.read(value)
    except ValueError as error:
        shown = "***" if row.name in SECRETS else value[:80]
        shown = without_password(shown) if row.name == "store" and "://" in shown else shown
        msg = f'{place}: "{shown}" will not do: {error}'
        raise SettingsError(msg) from None


class _File(NamedTuple):
    """What a settings file holds: values with their places, and fault rules."""

    path: Path
    values: dict[str, tuple[str, str]]
    faults: Sequence[Mapping[str, Any]] = ()


def _from_file(flag: Path | None, variable: str) -> _File:
    """The file that a flag or else a variable names, or else mockserver.toml."""
    named = [(flag, "--config")] if flag else [(Path(variable), CONFIG)] if variable else []
    path, place = named[0] if named else (Path(FILE), FILE)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        odd = list(strangers({"faults": content.get("faults")}))
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not named:
            return _File(path, {})
        msg = f'{place}: cannot read "{path}": {error.strerror}'
        raise SettingsError(msg) from None
    except UnicodeDecodeError:
        msg = f"{path}: is no text in UTF-8"
        raise SettingsError(msg) from None
    except (ValueError, RecursionError) as error:
        msg = f"{path}: is no TOML: {error}"
        raise SettingsError(msg) from None
    faults = _tables(path, content.pop("faults", []))
    if odd:
        raise SettingsError("; ".join(f"{path}: {line}" for line in odd))
    known = {row.key: row for row in SETTINGS}
    given: dict[str, tuple[str, str]] = {}
    for name, value in content.items():
        row = known.get(name.replace("_", "-"))
        if row is None:
            raise SettingsError(_unknown(path, name, value, list(known)))
        where = f'{path}: "{name}"'
        if row.name in given:
            msg = f"{where} stands twice, with - and with _"
            raise SettingsError(msg)
        given[row.name] = (_as_text(row, value, where), where)
    return _File(path, given, faults)


def _tables(path: Path, value: Any) -> Sequence[Mapping[str, Any]]:
    if not (isinstance(value, list) and all(isinstance(each, dict) for each in value)):
        msg = f'{path}: "faults" is a list of tables, each under a line [[faults]]'
        raise SettingsError(msg)
    return tuple(value)


def _unknown(path: Path, name: str, value: Any, known: list[str]) -> str:
    if isinstance(value, dict):
        return f'{path}: "{name[:80]}" is a table; settings stand alone, without [...] above them'
    alike = get_close_matches(name.replace("_", "-"), known, n=1)
    hint = f'did you mean "{alike[0]}"?' if alike else f"there are {', '.join(known)}"
    return f'{path}: there is no setting "{name[:80]}"; {hint}'


def _as_text(row: Setting, value: Any, where: str) -> str:
    """A value as an environment variable would give it; text for a number and the like is fine, the reverse is not."""
    is_named = row.name in ("host", "admin_token", "public_url", "spec", "scenario", "scenarios", "ready_file")
    match value:
        case str():
            return value
        case bool() if row.is_switch:
            return "true" if value else "false"
        case int() | float() if not (isinstance(value, bool) or row.is_switch or is_named):
            return str(value)
        case list() if row.name in LISTS and all(isinstance(item, str) for item in value):
            return ",".join(value)
    wanted = "true or false" if row.is_switch else "a text" if is_named else "a text or a number"
    if row.name in LISTS:
        wanted = "a text or a list of texts"
    shown = "***" if row.name in SECRETS else str(value)[:80]
    msg = f"{where}: {shown} will not do: want {wanted}"
    raise SettingsError(msg)
