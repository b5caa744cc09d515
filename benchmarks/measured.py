"""What it costs that a write is counted and judged before it lands: against one that is proven small."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from statistics import quantiles

import psycopg

from benchmarks.distance import Line, distance
from benchmarks.stage import DATABASE, OWNER, Bench, Way, fill, interlock
from benchmarks.table import Table
from interlock.app.embedded import LOOPBACK, EmbeddedPostgres

COLUMNS = ("by_key", "by_other", "added_us", "ratio", "more_trips")
ROUND_TRIPS = (0, 1)  # milliseconds between gateway and server
NOTES = """\
one client, single-row UPDATE in autocommit, fsync on, strict; us that a tenth of the
writes stay below (what other work on the machine adds is above that). "by key" is
proven small; "by other" names the same row by a column that is no key, so the gateway
counts it, judges the count and writes that down before COMMIT. "more trips": round
trips to the server that a write takes more than one by key, counted on the line."""

_WORLD = """
CREATE TABLE counters (id int PRIMARY KEY, other int, value int DEFAULT 0) WITH (fillfactor = 50);
INSERT INTO counters SELECT n, n FROM generate_series(1, 10000) AS n;
CREATE INDEX ON counters (other);
VACUUM ANALYZE counters;
"""
_BY_KEY = "UPDATE counters SET value = value + 1 WHERE id = 4711"
_BY_OTHER = "UPDATE counters SET value = value + 1 WHERE other = 4711"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """Microseconds, and round trips where the line counts them."""

    by_key: float
    by_other: float
    more_trips: float | None

    @property
    def added(self) -> float:
        return self.by_other - self.by_key


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    """A way to the server, and the line that it goes over where it is a long one."""

    name: str
    way: Way
    line: Line | None


def measure(bench: Bench) -> Table:
    """On a server of its own, which waits for the disk as servers do."""
    table = Table(title="Measured and unmeasured writes", columns=COLUMNS, notes=NOTES)
    with EmbeddedPostgres(settings={"autovacuum": "off"}, tcp=True) as server, ExitStack() as stack:
        lanes = stack.enter_context(_lanes(bench, server, _prepare(server)))
        found = _side_by_side(lanes, rounds=5 if bench.quick else 9, writes=40 if bench.quick else 100)
    for lane in lanes:
        cost = found[lane.name]
        table.add(
            lane.name, by_key=cost.by_key, by_other=cost.by_other, added_us=cost.added,
            ratio=cost.by_other / cost.by_key, more_trips=cost.more_trips,
        )  # fmt: skip
    return table


def _prepare(server: EmbeddedPostgres) -> str:
    password = fill(server, scale=1)
    with psycopg.connect(server.dsn(DATABASE, OWNER, password), autocommit=True) as owner:
        for statement in _WORLD.strip().split(";\n"):
            owner.execute(statement.encode())
    return password


@contextmanager
def _lanes(bench: Bench, server: EmbeddedPostgres, password: str) -> Iterator[list[_Lane]]:
    with ExitStack() as stack:
        found: list[_Lane] = []
        for milliseconds in ROUND_TRIPS:
            for name in ("bare", "interlock"):
                line = stack.enter_context(distance(server.port, milliseconds)) if milliseconds else None
                port = line.near if line is not None else server.port
                way = Way(name=name, port=port, user=OWNER, password=password)
                if name != "bare":
                    made = interlock(bench.directory, server, password, "strict", name=f"far-{milliseconds}", via=port)
                    way = stack.enter_context(made)
                found.append(_Lane(name=f"{name}, {milliseconds} ms", way=way, line=line))
        yield found


def _side_by_side(lanes: list[_Lane], *, rounds: int, writes: int) -> dict[str, _Cost]:
    """The lanes and the two statements take turns, so that a busy moment falls on all of them."""
    spans: dict[tuple[str, str], list[float]] = {}
    trips: dict[tuple[str, str], int] = {}
    with ExitStack() as stack:
        clients = [(lane, stack.enter_context(connect(lane.way))) for lane in lanes]
        for _ in range(rounds):
            for (lane, client), text in product(clients, (_BY_KEY, _BY_OTHER)):
                before = lane.line.trips if lane.line is not None else 0
                spans.setdefault((lane.name, text), []).extend(
                    timed(partial(client.execute, text.encode())) for _ in range(writes)
                )
                taken = lane.line.trips - before if lane.line is not None else 0
                trips[lane.name, text] = trips.get((lane.name, text), 0) + taken
    return {lane.name: _cost(lane, spans, trips, rounds * writes) for lane in lanes}


def _cost(
    lane: _Lane, spans: dict[tuple[str, str], list[float]], trips: dict[tuple[str, str], int], writes: int
) -> _Cost:
    by_key, by_other = (lane.name, _BY_KEY), (lane.name, _BY_OTHER)
    return _Cost(
        by_key=_quiet(spans[by_key]),
        by_other=_quiet(spans[by_other]),
        more_trips=(trips[by_other] - trips[by_key]) / writes if lane.line is not None else None,
    )


def _quiet(spans: list[float]) -> float:
    return quantiles(spans, n=10)[0] * 1e6


def connect(way: Way) -> "psycopg.Connection[tuple[object, ...]]":
    """A client in autocommit that prepares nothing."""
    return psycopg.connect(
        host=LOOPBACK, port=way.port, dbname=DATABASE, user=way.user, password=way.password,
        autocommit=True, sslmode="disable", prepare_threshold=None,
    )  # fmt: skip


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
