"""A table for people, 80 columns wide, and the same figures for programs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

NAME_WIDTH = 20


@dataclass(slots=True)
class Table:
    """Rows of named cells under `columns`; a cell of None was not measured. `notes` follow the rows."""

    title: str
    columns: Sequence[str]
    notes: str = ""
    rows: list[tuple[str, dict[str, float | None]]] = field(default_factory=list)

    def add(self, name: str, **cells: float | None) -> None:
        self.rows.append((name, cells))

    def group(self, about: str) -> None:
        """A line that names the rows below it."""
        self.rows.append((f"[{about}]", {}))

    def figures(self) -> list[dict[str, float | str | None]]:
        """Rows as dictionaries; `group` is what `group` said last."""
        found: list[dict[str, float | str | None]] = []
        group = ""
        for name, cells in self.rows:
            if cells:
                found.append({"group": group, "name": name, **cells})
            else:
                group = name.strip("[]")
        return found

    def __str__(self) -> str:
        width = (80 - NAME_WIDTH) // len(self.columns)
        lines = ["", self.title, "-" * 80]
        lines.append(" " * NAME_WIDTH + "".join(column.replace("_", " ").rjust(width) for column in self.columns))
        for name, cells in self.rows:
            shown = "".join(_show(cells.get(column)).rjust(width) for column in self.columns) if cells else ""
            lines.append(f"{name:<{NAME_WIDTH}}{shown}".rstrip())
        return "\n".join([*lines, *self.notes.splitlines()])


def _show(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
