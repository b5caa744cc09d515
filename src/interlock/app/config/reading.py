"""TOML tables to configuration sections, collecting every problem instead of stopping at the first."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import EnumType
from pathlib import Path as FilePath
from types import UnionType
from typing import Final, TypeVar, get_args, get_origin

import msgspec
from msgspec import Struct

from interlock.app.config.lines import Path
from interlock.app.config.schema import Section
from interlock.app.config.values import SPECIAL, convert_text

S = TypeVar("S", bound=Section)

# Keys that people try and that are left out on purpose.
_INSTEAD: Final = {
    "password": "a password in this file ends in backups and version control: use password_env or password_file",
    "secret": "a secret in this file ends in backups and version control: use verifier, secret_env or secret_file",
    "url": "write host, port, database and user, and password_env for the password",
    "sslmode": "this key is called tls here",
}


class Problem(Struct, frozen=True):
    """What is wrong at one place of the file; the text ends with what to do."""

    path: Path
    message: str


class _Missing:
    """What a value becomes when it had a problem."""


_MISSING: Final = _Missing()


@dataclass(slots=True)
class Reader:
    """Reads tables into sections. What is wrong gathers in `problems`; a section with a problem is None."""

    base: FilePath
    problems: list[Problem] = field(default_factory=list)

    def section(self, wanted: type[S], table: Mapping[str, object], path: Path = ()) -> S | None:
        """`table` as a `wanted`, defaults filled in and paths made absolute."""
        before = len(self.problems)
        fields = {known.name: known for known in msgspec.structs.fields(wanted)}
        for key in table.keys() - fields.keys():
            self._unknown(path, key, list(fields))
        values: dict[str, object] = {}
        for name, known in fields.items():
            if name in table:
                values[name] = self._value(known.type, table[name], (*path, name))
            elif known.required:
                self._report(path, f"`{name}` is missing: {_place(path)} needs it")
            elif isinstance(known.default, FilePath):
                values[name] = self.base / known.default
            elif isinstance(known.default, Section):
                values[name] = self.section(type(known.default), {}, (*path, name))
        return wanted(**values) if len(self.problems) == before else None

    def _value(self, wanted: object, value: object, path: Path) -> object:
        if (one := _section_in(wanted)) is not None:
            return self._table(one, value, path)
        if get_origin(wanted) is dict and (each := _section_in(get_args(wanted)[1])) is not None:
            return self._tables(each, value, path)
        return self._plain(wanted, value, path)

    def _table(self, wanted: type[Section], value: object, path: Path) -> object:
        if isinstance(value, dict):
            return self.section(wanted, value, path)
        return self._report(path, f"expected a table: write [{'.'.join(path)}]")

    def _tables(self, wanted: type[Section], value: object, path: Path) -> object:
        if isinstance(value, dict):
            return {name: self._table(wanted, table, (*path, name)) for name, table in value.items()}
        return self._report(path, f"expected tables: write [{'.'.join(path)}.NAME]")

    def _plain(self, wanted: object, value: object, path: Path) -> object:
        try:
            if (special := _special_in(wanted)) is not None:
                return self._convert(special, value)
            return msgspec.convert(value, wanted, dec_hook=self._convert)
        except ValueError as error:
            return self._report(path, _explain(path[-1], wanted, value, str(error)))

    def _convert(self, wanted: type, value: object) -> object:
        return convert_text(wanted, value, base=self.base)

    def _unknown(self, path: Path, key: str, known: list[str]) -> None:
        if key in _INSTEAD:
            self._report((*path, key), f"`{key}` is not accepted: {_INSTEAD[key]}")
            return
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"{_place(path)} knows {', '.join(sorted(known))}"
        self._report((*path, key), f"`{key}` is not known here: {hint}")

    def _report(self, path: Path, message: str) -> _Missing:
        self.problems.append(Problem(path, message))
        return _MISSING


def _section_in(wanted: object) -> type[Section] | None:
    """The section in `Section` or `Section | None`."""
    return next((kind for kind in _choices(wanted) if isinstance(kind, type) and issubclass(kind, Section)), None)


def _special_in(wanted: object) -> type | None:
    """The type in `Address` or `Address | None` that `convert_text` reads: msgspec would ask for a table."""
    return next((kind for kind in SPECIAL if kind in _choices(wanted)), None)


def _choices(wanted: object) -> tuple[object, ...]:
    return get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)


def _place(path: Path) -> str:
    return f"[{'.'.join(path)}]" if path else "the file"


def _explain(key: str, wanted: object, value: object, error: str) -> str:
    if isinstance(wanted, EnumType) and isinstance(value, str):
        choices = [str(choice.value) for choice in wanted]  # type: ignore[var-annotated]
        close = difflib.get_close_matches(value, choices, n=1)
        hint = f"did you mean `{close[0]}`?" if close else f"choose one of {', '.join(choices)}"
        return f"`{key}` cannot be `{value}`: {hint}"
    reason = error.split(" - at `$")[0]
    if "matching regex" in reason:
        return f"`{key}` holds a name with other characters than letters, digits, `_`, `.`, `@` and `-`: rename it"
    return f"`{key}`: {reason[:1].lower()}{reason[1:]}"
