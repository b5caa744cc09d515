"""What a session's settings must stay, and what a client may ask for when it connects."""

import re
from collections.abc import Mapping
from typing import Final

from interlock.model import CallerFault, TargetFault
from interlock.wire.postgres.messages import build_parameter_status, parse_parameter_status

# Start-up parameters of the client that reach the target; everything else is refused by name.
_PASSED: Final = frozenset(
    {
        "application_name",
        "datestyle",
        "timezone",
        "extra_float_digits",
        "intervalstyle",
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "client_min_messages",
        "bytea_output",
        "jit",
        "search_path",
        "geqo",
    }
)
_TAKEN_AS_SAID: Final = frozenset({"client_encoding", "standard_conforming_strings"})
_MUST_BE: Final[Mapping[str, str]] = {"client_encoding": "utf8", "standard_conforming_strings": "on"}
_OURS: Final = frozenset({"user", "database", "replication", "options"})
_OPTION: Final = re.compile(r"\s*(?:-c\s*|--)([A-Za-z_][\w.-]*)=((?:\\.|\S)*)")


class ParameterRefused(CallerFault):
    """The client asked for a session that the gateway does not open."""

    sqlstate = "0A000"


class PinLost(TargetFault):
    """A setting that decides what text means is not what it was. The session ends."""


def upstream_parameters(asked: Mapping[str, str], *, user: str, database: str, lent: bool = False) -> dict[str, str]:
    """The start-up parameters for the target. Raises ParameterRefused.

    With `lent` the session's privileges end with the gateway: what it left running must be noticed.
    Pins are set here and not by SET, so that RESET ALL and DISCARD ALL return to them (postgres.md, "Session").
    """
    wanted = dict(_asked(asked))
    path = wanted.pop("search_path", None)
    return {
        **wanted,
        **({"client_connection_check_interval": "1s"} if lent else {}),
        "user": user,
        "database": database,
        "client_encoding": "UTF8",
        "standard_conforming_strings": "on",
        "default_transaction_read_only": "on",
        "transform_null_equals": "off",
        "backslash_quote": "safe_encoding",
        "array_nulls": "on",
        "role": "none",
        "search_path": _pinned_path(path),
    }


def _asked(asked: Mapping[str, str]) -> dict[str, str]:
    if asked.get("replication", "false").lower() not in ("false", "off", "no", "0"):
        raise ParameterRefused("replication connections are refused: they speak another language; use SQL")
    given = {name: value for name, value in asked.items() if name not in _OURS and not name.startswith("_pq_.")}
    given.update(_options(asked.get("options", "")))
    wanted: dict[str, str] = {}
    for name, value in given.items():
        low = name.lower()
        if low in _TAKEN_AS_SAID:
            _require(low, value)
        elif low in _PASSED:
            wanted[low] = value
        else:
            raise ParameterRefused(f"the start-up parameter `{name}` is refused; leave it out")
    return wanted


def _options(text: str) -> dict[str, str]:
    """`-c name=value` and `--name=value`; a backslash keeps the next character (libpq, "options")."""
    found: dict[str, str] = {}
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _OPTION.match(text, at)
        if match is None:
            raise ParameterRefused(f"the start-up options `{text}` cannot be read; write them as -c name=value")
        found[match[1].replace("-", "_")] = re.sub(r"\\(.)", r"\1", match[2])
        at = match.end()
    return found


def _require(name: str, value: str) -> None:
    if value.replace("-", "").replace("_", "").lower().strip("'\"") not in (_MUST_BE[name], "unicode"):
        raise ParameterRefused(f"`{name}` must be {_MUST_BE[name]} here, not `{value}`; leave it out or set it so")


def _pinned_path(path: str | None) -> str:
    """pg_temp last: searched first, a temporary view could stand in front of a table (threats.md 11)."""
    if path is None:
        return '"$user", public, pg_temp'
    return path if "pg_temp" in path else f"{path}, pg_temp"


class Pins:
    """Watches the parameters that the target reports, and tells the client what it may see of them.

    `user` is whom the client logged in as: the gateway's own login is nobody's business.
    """

    def __init__(self, *, user: str) -> None:
        self._user = user
        self.search_path: str | None = None  # as reported; PostgreSQL 18 and later
        self.began: str | None = None  # all watched settings at the start of the session

    def reported(self, frame: bytes) -> bytes:
        """What the client gets for a ParameterStatus. Raises PinLost."""
        status = parse_parameter_status(frame)
        match status.name:
            case "standard_conforming_strings" if status.value != "on":
                raise PinLost("standard_conforming_strings was switched off: strings would mean something else")
            case "client_encoding" if status.value.upper() not in ("UTF8", "UNICODE"):
                raise PinLost(f"client_encoding became {status.value}: text would be read differently")
            case "default_transaction_read_only":
                # Ours, for reads. To a client that asks for a writable server this one is writable.
                return build_parameter_status(status.name, "off")
            case "session_authorization":
                return build_parameter_status(status.name, self._user)
            case "search_path":
                self.search_path = status.value
        return frame

    def compare(self, values: str) -> None:
        """All watched settings, joined, after code ran that is not built in. Raises PinLost (threats.md 10)."""
        if self.began is None:
            self.began = values
        elif values != self.began:
            raise PinLost("code of the target changed a setting that decides what statements mean; connect again")


def split_path(value: str) -> tuple[str, ...]:
    """The schemas of a search_path value, in order, unquoted."""
    names = re.findall(r'\s*(?:"((?:[^"]|"")*)"|([^,\s"]+))\s*(?:,|$)', value)
    return tuple(quoted.replace('""', '"') if quoted or not plain else plain.lower() for quoted, plain in names)
