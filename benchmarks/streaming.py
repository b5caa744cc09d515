"""A million rows, selected and copied out: how fast they pass, and what the middle holds of them."""

import time
from collections import defaultdict
from statistics import median

from benchmarks.client import Client
from benchmarks.stage import Bench, Way
from benchmarks.table import Table

QUERIES = {
    "SELECT": "SELECT * FROM pgbench_accounts",
    "COPY TO": "COPY pgbench_accounts TO STDOUT",
}
COLUMNS = ("seconds", "MB_per_s", "of_direct", "cpu_s", "grew_MB")
NOTES = """\
of direct: speed against the direct connection's. cpu s: of the middle.
grew MB: resident memory of the middle, against before the first row."""


def measure(bench: Bench) -> Table:
    table = Table(title="A million rows of about 110 bytes", columns=COLUMNS, notes=NOTES)
    for name, text in QUERIES.items():
        seen: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
        ways = (*bench.plain, bench.tls)
        for _ in range(1 if bench.quick else 3):
            for way in ways:
                seen[way.name].append(_once(way, text))
        table.group(name)
        direct = median(one[0] for one in seen["direct"])
        for way in ways:
            seconds, size, cpu, grew = (median(each) for each in zip(*seen[way.name], strict=True))
            middle = bool(way.processes)
            table.add(
                way.name,
                seconds=seconds,
                MB_per_s=size / seconds / 1e6,
                of_direct=direct / seconds,
                cpu_s=cpu if middle else None,
                grew_MB=grew / 1e6 if middle else None,
            )
    return table


def _once(way: Way, text: str) -> tuple[float, float, float, float]:
    client = Client(way)
    before, cpu, began = way.resident(), way.cpu(), time.perf_counter()
    size = client.query(text)
    seconds = time.perf_counter() - began
    grew, cpu = way.resident() - before, way.cpu() - cpu
    client.close()
    return seconds, float(size), cpu, float(grew)
