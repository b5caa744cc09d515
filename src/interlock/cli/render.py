"""How the command line looks: data to stdout, words to stderr, 80 columns, colour only where it is wanted."""

import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from rich.console import Console

WIDTH: Final = 80


class Mark(StrEnum):
    """How a check went. The word is printed too: colour alone says nothing to a file, nor to every eye."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_STYLES: Final[Mapping[Mark, str]] = {Mark.OK: "green", Mark.WARN: "yellow", Mark.FAIL: "bold red"}


@cache
def words() -> "Console":
    """The console for people: stderr, at most 80 columns, plain under NO_COLOR or when it is no terminal."""
    # Rich costs 60 ms to import; a command that only prints data does not pay it.
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))  # rich by itself would still print bold and dim
    console = Console(
        stderr=True, highlight=False, emoji=False, soft_wrap=False, color_system=None if plain else "auto"
    )
    console.width = min(console.width, WIDTH)
    return console


def emit(text: str) -> None:
    """One piece of data on stdout, with a line end: what a script reads."""
    sys.stdout.write(text + "\n")


def emit_json(value: object) -> None:
    """`value` as indented JSON on stdout."""
    emit(msgspec.json.format(msgspec.json.encode(value)).decode())


def say(text: str = "") -> None:
    """One line for people; markup such as [bold] is rendered, so user input must be passed through `quoted`."""
    words().print(text)


def quoted(text: object) -> str:
    """`text` so that nothing in it is taken for markup or moves the cursor."""
    from rich.markup import escape

    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text)))


def check_line(mark: Mark, about: str, found: str, todo: str | None = None) -> None:
    """`ok    config      interlock.toml reads`, and under it what to do."""
    from rich.table import Table

    line = Table.grid(padding=(0, 1))
    line.add_column(width=4)
    line.add_column(width=12, overflow="fold")
    line.add_column(ratio=1, overflow="fold")
    line.add_row(f"[{_STYLES[mark]}]{mark}[/]", f"[bold]{quoted(about)}[/]", quoted(found))
    if todo is not None:
        line.add_row("", "", f"[dim]→[/] {quoted(todo)}")
    words().print(line)


def part(title: str, lines: Sequence[str]) -> None:
    """A named part of an answer: the title once, beside lines that wrap under each other. Lines may hold markup."""
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    table.add_column(width=10, style="dim")
    table.add_column(ratio=1, overflow="fold")
    for at, line in enumerate(lines):
        table.add_row(title if at == 0 else "", line)
    words().print(table)


def heading(text: str) -> None:
    """A line that begins a part."""
    say(f"\n[bold]{quoted(text)}[/]")


def steps(lines: Sequence[tuple[str, str]]) -> None:
    """What to do next: a sentence, and the line to copy under it."""
    for sentence, command in lines:
        say(f"  {quoted(sentence)}")
        # A copied line must stay one line, whatever the width.
        words().print(f"    [bold cyan]{quoted(command)}[/]", soft_wrap=True)


def complain(text: str) -> None:
    """A fault, as it is told at the end: its own text, without a traceback."""
    words().print(f"[bold red]interlock:[/] {quoted(text)}", soft_wrap=True)
