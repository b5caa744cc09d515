"""`python -m benchmarks [--quick] [--json FILE] [NAME ...]`: figures, side by side, in one run."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks import idle, ledger, lent, meaning, measured, readonly, shapes, statements, streaming, wire_postgres
from benchmarks.stage import Bench, bench
from benchmarks.table import Table

# Beside each other on one stage; these run by default. `idle` goes first: later, memory that others freed hides it.
COMPARED: dict[str, Callable[[Bench], Table]] = {
    "idle": idle.measure,
    "statements": statements.measure,
    "shapes": shapes.measure,
    "readonly": readonly.measure,
    "measured": measured.measure,
    "lent": lent.measure,
    "streaming": streaming.measure,
}
# One part of Interlock alone.
PARTS: dict[str, Callable[[], None]] = {
    "wire": wire_postgres.main,
    "meaning": meaning.main,
    "ledger": lambda: ledger.main(40_000),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join([*COMPARED, *PARTS])}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: under a minute, and rougher")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there as well")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - {*COMPARED, *PARTS}:
        parser.error(f"there is no benchmark `{min(unknown)}`; there are {', '.join([*COMPARED, *PARTS])}")
    names = [name for name in [*COMPARED, *PARTS] if name in asked.names] or list(COMPARED)
    figures: dict[str, object] = {}
    if compared := [name for name in names if name in COMPARED]:
        with bench(quick=asked.quick) as stage:
            for name in compared:
                table = COMPARED[name](stage)
                print(table, flush=True)
                figures[name] = table.figures()
    for name in names:
        if name in PARTS:
            PARTS[name]()
    if asked.json is not None:
        asked.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
