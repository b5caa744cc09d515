"""The picture in the README: real output, drawn as SVG."""

import io
import re
from pathlib import Path

from rich.color import parse_rgb_hex
from rich.console import Console
from rich.terminal_theme import TerminalTheme

TITLE = "python3 dev.py demo"
GROUND, INK = "161b22", "d5dbe3"
NORMAL = "484f58 ff7b72 56d364 e3b341 79c0ff d2a8ff 56d4dd b1bac4"
BRIGHT = "6e7681 ffa198 7ee787 f2cc60 a5d6ff e2c5ff b3f0ff f0f6fc"


def canvas(width: int) -> Console:
    """A console that shows nothing and remembers everything, in colour whatever the terminal is."""
    return Console(
        width=width,
        highlight=False,
        record=True,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
    )


def save(console: Console, path: Path) -> None:
    """Write what the console remembers. The fonts are the reader's own: rich would fetch them from elsewhere."""
    drawn = console.export_svg(title=TITLE, theme=_theme(), unique_id="demo")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8")


def _theme() -> TerminalTheme:
    normal, bright = ([(*parse_rgb_hex(colour),) for colour in row.split()] for row in (NORMAL, BRIGHT))
    return TerminalTheme(parse_rgb_hex(GROUND), parse_rgb_hex(INK), normal, bright)
