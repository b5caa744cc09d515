"""Where in a TOML text a key stands, so that an error can name its line."""

import re
from typing import Final

Path = tuple[str, ...]

_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED: Final = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER: Final = re.compile(rf"\s*\[\[?\s*(?P<path>{_DOTTED})\s*\]")
_ASSIGNMENT: Final = re.compile(rf"\s*(?P<path>{_DOTTED})\s*=(?P<value>.*)", re.DOTALL)
_PART: Final = re.compile(_KEY)
_INLINE: Final = re.compile(rf"[{{,]\s*(?P<path>{_DOTTED})\s*=")
# What can hide a bracket: strings of the four kinds and comments; `open` begins a string that does not end.
_OPAQUE: Final = re.compile(
    r"""\"{3}(?:[^\\]|\\.)*?\"{3} | '{3}.*?'{3} | (?P<open>\"{3} | '{3})
      | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' | \#[^\n]*""",
    re.DOTALL | re.VERBOSE,
)


def key_lines(text: str) -> dict[Path, int]:
    """The line (from 1) of every table and key of a TOML text that `tomllib` has accepted."""
    found: dict[Path, int] = {}
    table: Path = ()
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        header, assignment = _HEADER.match(lines[number]), _ASSIGNMENT.match(lines[number])
        if header:
            table = _parts(header["path"])
            _note(found, (), table, number + 1)
        elif assignment:
            path = table + _parts(assignment["path"])
            _note(found, table, path, number + 1)
            value, number = _whole_value(lines, number, assignment["value"])
            for inline in _INLINE.finditer(_bare(value)):
                found.setdefault(path + _parts(inline["path"]), number + 1)
        number += 1
    return found


def nearest_line(lines: dict[Path, int], path: Path) -> int:
    """The line of `path`, or of the innermost table around it that has one; 1 when there is none."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return 1


def _note(found: dict[Path, int], table: Path, path: Path, line: int) -> None:
    for depth in range(len(table) + 1, len(path) + 1):
        found.setdefault(path[:depth], line)


def _whole_value(lines: list[str], number: int, value: str) -> tuple[str, int]:
    """A value that opens more brackets or triple quotes than it closes goes on in the next line."""
    while number + 1 < len(lines) and _is_open(value):
        number += 1
        value += "\n" + lines[number]
    return value, number


def _is_open(value: str) -> bool:
    bare = _bare(value)
    opened, closed = (sum(bare.count(bracket) for bracket in pair) for pair in ("[{", "]}"))
    return opened > closed or '"""' in bare or "'''" in bare


def _bare(value: str) -> str:
    return _OPAQUE.sub(lambda found: found["open"] or "", value)


def _parts(path: str) -> Path:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _PART.findall(path))
