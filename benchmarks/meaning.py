"""From a text that was never seen to its effects, against what parsing, decoding and walking its tree cost bare."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time

from benchmarks.table import Table
from interlock.intent.sql import COMPILED, Scope, understand
from interlock.intent.sql.parser import parse
from interlock.intent.sql.tree import Json
from tests.corpus.world import catalog

ROOT = Path(__file__).parent.parent
ROUNDS = 40
COLUMNS = ("bytes", "raw_us", "effects_us", "ratio")
NOTES = """\
raw: libpg_query's parse, decoding its tree, and a loop over every node that does
nothing. Every text is new, its names and its literals. Times are the least of many
rounds, the ratio is the median of theirs."""

_JOINED = """\
SELECT c.name AS n{n}, o.status, count(*) AS orders, sum(i.quantity * i.unit_price) AS turnover, max(o.placed_at) AS at
FROM customers AS c JOIN orders AS o ON o.customer_id = c.id JOIN order_items AS i ON i.order_id = o.id
LEFT JOIN products AS p ON p.id = i.product_id
WHERE c.country = 'DE' AND o.placed_at >= '2026-01-01' AND o.status IN ('paid', 'shipped') AND p.price > {n}
GROUP BY c.name, o.status HAVING count(*) > 3 ORDER BY turnover DESC NULLS LAST LIMIT 50
"""
_MONTH = """\
m{at} AS (SELECT c.country, date_trunc('month', o.placed_at) AS month, count(DISTINCT o.id) AS orders,
coalesce(sum(CASE WHEN o.status = 'returned' THEN 0 ELSE i.quantity * i.unit_price END), 0)::numeric AS turnover
FROM customers c JOIN orders o ON o.customer_id = c.id JOIN order_items i ON i.order_id = o.id
WHERE o.placed_at BETWEEN '2026-0{at}-01' AND '2026-0{at}-28' AND (o.note IS NULL OR lower(o.note) NOT LIKE '%test{n}%')
AND EXISTS (SELECT 1 FROM products p WHERE p.id = i.product_id AND p.active AND p.price > {n}) GROUP BY 1, 2)"""


def _report(n: int) -> str:
    months = ",\n".join(_MONTH.format(at=at, n=n) for at in range(1, 9))
    return f"WITH {months}\nSELECT * FROM m1 JOIN m2 USING (country, month) WHERE m1.turnover > {n} LIMIT 100"


def _insert(n: int, rows: int) -> str:
    listed = (f"({n}, {at}, 'paid', {at}.5, '2026-01-01 10:00', 'a note about order {at}')" for at in range(rows))
    return f"INSERT INTO orders (id, customer_id, status, total, placed_at, note) VALUES {', '.join(listed)}"


def _listed(n: int) -> str:
    return f"SELECT id, status, total FROM orders WHERE id IN ({', '.join(str(n + at) for at in range(620))})"


TEXTS: dict[str, Callable[[int], str]] = {
    "50 B, select": lambda n: f"SELECT name AS n{n} FROM customers WHERE id = {n}",
    "50 B, update": lambda n: f"UPDATE stock SET quantity = {n} WHERE product_id = {n}",
    "500 B, joins": lambda n: _JOINED.format(n=n),
    "500 B, insert": lambda n: _insert(n, 6),
    "5 kB, report": _report,
    "5 kB, insert": lambda n: _insert(n, 70),
    "5 kB, list": _listed,
}


def table() -> Table:
    """Both ways take turns on each text, so that a busy moment of the machine falls on both."""
    known = Scope(catalog=catalog(), target="shop", user="app_user")
    how = "compiled, as a wheel installs it" if COMPILED else "the source as it is edited"
    found = Table(title=f"A text never seen, from bytes to effects: {how}", columns=COLUMNS, notes=NOTES)
    for name, text in TEXTS.items():
        times = 400_000 // len(text(0)) // ROUNDS + 1
        rounds: list[tuple[float, float]] = []
        for number in range(ROUNDS):
            texts = [text(100_000 + number * times + at) for at in range(times)]
            encoded = [each.encode() for each in texts]
            bare = _seconds(lambda encoded=encoded: [walk(parse(each)) for each in encoded]) / times
            rounds.append((bare, _seconds(lambda texts=texts: [understand(each, known) for each in texts]) / times))
        assert all(statement.intent.understood for statement in understand(text(0), known)), text(0)
        raw, effects = (min(taken) for taken in zip(*rounds, strict=True))
        ratio = median(own / bare for bare, own in rounds)
        found.add(name, bytes=len(text(0)), raw_us=raw * 1e6, effects_us=effects * 1e6, ratio=ratio)
    return found


def walk(tree: list[Json]) -> None:
    """Visit every node and do nothing with it."""
    stack: list[Json] = list(tree)
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)


def _seconds(work: Callable[[], object]) -> float:
    began = process_time()
    work()
    return process_time() - began


def main() -> None:
    """The source here; then the same compiled, in a process of its own, where this machine can compile."""
    print(table(), flush=True)
    if COMPILED:
        return
    made = subprocess.run([sys.executable, "tools/compiled.py"], cwd=ROOT, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        print(f"not measured as it is installed: {made.stderr.strip()}")
        return
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "compiled" / "src")}
    subprocess.run([sys.executable, "-m", "benchmarks.meaning"], cwd=ROOT, env=environment, check=True)


if __name__ == "__main__":
    main()
