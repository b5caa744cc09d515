"""What is known about a text and what is not: the same text again, a new literal, a new shape."""

from pathlib import Path

from benchmarks.stage import Bench
from benchmarks.statements import COLUMNS, compare
from benchmarks.table import Table

_RANDOM = "\\set n random(1, 1000000)\n\\set m random(1, 1000000)\n"
SCRIPTS = {
    "text seen before": "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;\n",
    "literal is new": _RANDOM + "SELECT abalance FROM pgbench_accounts WHERE aid = :n;\n",
    "shape is new": _RANDOM + "SELECT abalance AS c:n FROM pgbench_accounts AS t:m WHERE t:m.aid = 4711;\n",
}
NOTES = "simple protocol, 8 clients; a new shape differs in its names, so nothing of it was seen."


def measure(bench: Bench) -> Table:
    table = Table(title="Repeated and never-seen texts", columns=COLUMNS, notes=NOTES)
    for about, text in SCRIPTS.items():
        script = Path(bench.directory, about.replace(" ", "-") + ".sql")
        script.write_text(text, encoding="utf-8")
        compare(table, bench, bench.plain, about, f"--file={script}", "--protocol=simple", clients=8)
    return table
