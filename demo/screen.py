"""How the demo looks: 80 columns, readable without colour, and a picture of it for the README."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from demo import picture
from demo.agent import Answer, Refusal
from demo.stories import Question, Story

WIDTH = 80


class Screen:
    """Writes to the terminal; what is `pictured` goes into the picture as well."""

    def __init__(self) -> None:
        self._terminal = Console(width=min(WIDTH, Console().width), highlight=False)
        self._picture = picture.canvas(WIDTH)

    def save(self, path: Path) -> None:
        """Write the picture as SVG."""
        picture.save(self._picture, path)

    def chapter(self, title: str, sentence: str = "", *, pictured: bool = False) -> None:
        """Open a part of the demo."""
        self._show(Rule(Text(f"{title} ", "bold"), align="left", style="dim", characters="─"), pictured)
        if sentence:
            self._show(Text(sentence, "dim"), pictured)
        self._show("", pictured)

    def fact(self, label: str, text: str, *, pictured: bool = False) -> None:
        """One line of what stands where."""
        self._show(_pair(Text(label, "cyan"), Text(text), width=10), pictured)

    def gap(self) -> None:
        """An empty line."""
        self._show("", True)

    def answered(self, question: Question, answer: Answer) -> None:
        """An honest question and a small table of what came back."""
        pictured = question.pictured
        self._show(_headline(Text("✓ ", "bold green"), question.title, "", answer.milliseconds), pictured)
        self._show(_sql(question.sql), pictured)
        if question.arguments:
            values = ", ".join(f"${place} = {value}" for place, value in enumerate(question.arguments, 1))
            self._show(_indented(Text(f"{values}\n", "dim")), pictured)
        self._show(_indented(_rows(answer.columns, answer.rows)), pictured)
        self._show("", pictured)

    def stopped(self, story: Story, refusal: Refusal, *, proof: str, otherwise: str) -> None:
        """A story, the error as the client sees it, what the database looks like now, and would look like."""
        pictured = story.pictured
        how = f"{story.way}  {refusal.sqlstate}"
        self._show(_headline(Text("■ ", "bold red"), story.title, how, refusal.milliseconds), pictured)
        self._show(_indented(Text(story.motive, "italic dim")), pictured)
        self._show(_sql(story.text), pictured)
        lines = [(refusal.severity, refusal.message, "bold red")]
        lines += [("DETAIL", refusal.detail, "")] if refusal.detail else []
        lines += [("HINT", refusal.hint, "yellow")] if refusal.hint else []
        for label, text, style in lines:
            self._show(_indented(_pair(Text(f"{label}:", style), Text(text, style), width=8)), pictured)
        self._show("", pictured)
        self._show(_indented(_pair(Text("✓", "green"), Text(proof, "green"), width=1)), pictured)
        self._show(_indented(_pair(Text("·", "dim"), Text(otherwise, "dim"), width=1)), pictured)
        self._show("", pictured)

    def ran(self, command: str, output: str, *, pictured: bool = False) -> None:
        """A command line and what it printed."""
        self._show(Text.assemble(("$ ", "dim"), (command, "bold")), pictured)
        self._show(_indented(Text(f"{output.rstrip()}\n")), pictured)

    def landed(self, mark: str, title: str, milliseconds: float, proof: str) -> None:
        """What passed because people agreed, and what became of it."""
        self._show(_headline(Text(f"{mark} ", "bold green"), title, "", milliseconds), True)
        self._show(_indented(_pair(Text("✓", "green"), Text(proof, "green"), width=1)), True)
        self._show("", True)

    def summary(self, rows: Iterable[tuple[bool, str, str, str]]) -> None:
        """(as expected, what was asked, what became of it, in how long) for every question and story."""
        table = Table.grid(padding=(0, 2, 0, 0), expand=True)
        table.add_column(width=1)
        table.add_column(ratio=1)
        table.add_column()
        table.add_column(justify="right", style="dim", width=9)
        for fine, asked, became, took in rows:
            style = "" if fine else "bold red"
            table.add_row(Text("✓", "green") if fine else Text("✗", style), asked, Text(became, style), took)
        self._show(table, False)
        self._show("", False)

    def verdict(self, text: str, *, good: bool) -> None:
        """The last line."""
        self._show(Text(text, "bold green" if good else "bold red"), True)

    def failure(self, text: str) -> None:
        """An expectation that was not met."""
        self._show(Text(f"✗ {text}", "bold red"), True)

    def plain(self, text: str) -> None:
        """Text to copy: never wrapped, never coloured."""
        self._terminal.print(text, markup=False, soft_wrap=True)

    def _show(self, what: RenderableType, pictured: bool) -> None:
        self._terminal.print(what)
        if pictured:
            self._picture.print(what)


def _headline(mark: Text, title: str, way: str, milliseconds: float) -> Table:
    line = Table.grid(expand=True)
    line.add_column()
    line.add_column(justify="right", style="dim")
    line.add_row(mark + Text(title, "bold"), "  ".join(part for part in (way, f"{milliseconds:.1f} ms") if part))
    return line


def _pair(label: Text, text: Text, *, width: int) -> Table:
    line = Table.grid(padding=(0, 1, 0, 0))
    line.add_column(width=width, no_wrap=True)
    line.add_column()
    line.add_row(label, text)
    return line


def _sql(text: str) -> Padding:
    syntax = Syntax("", "postgresql", theme="ansi_dark", background_color="default")
    highlighted = syntax.highlight(text)
    highlighted.rstrip()
    return Padding(highlighted, (1, 0, 1, 2), expand=False)


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, 2), expand=False)


def _rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        numeric = all(isinstance(row[place], int | Decimal) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*map(_cell, row))
    return table


def _cell(value: object) -> str:
    match value:
        case Decimal():
            return f"{value:,}"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case _:
            return str(value)
