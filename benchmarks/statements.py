"""pgbench's select-only script: throughput, latency and what the middle costs, with 1, 8 and 100 clients."""

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.pgbench import Run, middle_of, run
from benchmarks.stage import Bench, Way
from benchmarks.table import Table

COLUMNS = ("per_s", "of_direct", "p50_ms", "p99_ms", "cpu_us", "x_bouncer")
NOTES = """\
cpu us: of the processes in the middle, a statement. x bouncer: that, against
PgBouncer's. In mode simple every text is new (a literal changes)."""


def measure(bench: Bench) -> Table:
    """Interleaved: the ways take turns, so that a busy moment of the machine falls on all of them."""
    table = Table(title="One statement, select by key", columns=COLUMNS, notes=NOTES)
    for mode in ("simple", "extended", "prepared"):
        for clients in (8,) if bench.quick else (1, 8, 100):
            compare(table, bench, bench.plain, f"{mode}, {clients}", "-S", f"--protocol={mode}", clients=clients)
    for mode in ("simple", "prepared"):
        ways = (bench.way("direct"), bench.way("pgbouncer"), bench.tls)
        compare(table, bench, ways, f"{mode}, 8, TLS apart", "-S", f"--protocol={mode}", clients=8)
    return table


def compare(table: Table, bench: Bench, ways: Sequence[Way], about: str, *options: str, clients: int) -> None:
    """One group of rows."""
    runs: dict[str, list[Run]] = defaultdict(list)
    seconds, rounds = (3, 2) if clients > 50 else (1, 1 if bench.quick else 3)
    for _ in range(rounds):
        for way in ways:
            runs[way.name].append(run(bench, way, *options, seconds=seconds, clients=clients))
    direct, bouncer = (middle_of(runs[name]) for name in ("direct", "pgbouncer"))
    assert bouncer.cpu is not None
    table.group(about)
    for way in ways:
        done = middle_of(runs[way.name])
        table.add(
            way.name,
            per_s=done.rate,
            of_direct=done.rate / direct.rate,
            p50_ms=done.p50,
            p99_ms=done.p99,
            cpu_us=done.cpu,
            x_bouncer=None if done.cpu is None else done.cpu / bouncer.cpu,
        )
