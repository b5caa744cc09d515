"""What a session costs that does nothing."""

import time

from benchmarks.client import Client
from benchmarks.stage import Bench, Way
from benchmarks.table import Table

SESSIONS, FIRST = 200, 50
COLUMNS = ("kB_each", "kB_used", "login_ms")
QUERY = "SELECT abalance FROM pgbench_accounts WHERE aid = 1"
NOTES = f"""\
kB: growth of what is the middle's own (USS), divided by {SESSIONS} sessions, with {FIRST}
open before; used: when each has run one statement."""


def measure(bench: Bench) -> Table:
    table = Table(title=f"{SESSIONS} idle sessions", columns=COLUMNS, notes=NOTES)
    for way in (*bench.plain[1:], bench.tls):
        _measure(way, table)
    return table


def _measure(way: Way, table: Table) -> None:
    clients = _open(way, FIRST)  # what is made once is not a session's
    empty, began = way.own_memory(), time.perf_counter()
    clients += _open(way, SESSIONS)
    took, idle = time.perf_counter() - began, way.own_memory()
    for client in clients[FIRST:]:
        client.query(QUERY)
    used = way.own_memory()
    for client in clients:
        client.close()
    table.add(
        way.name,
        kB_each=(idle - empty) / SESSIONS / 1000,
        kB_used=(used - empty) / SESSIONS / 1000,
        login_ms=took / SESSIONS * 1000,
    )


def _open(way: Way, count: int) -> list[Client]:
    clients = [Client(way) for _ in range(count)]
    clients[-1].query(QUERY)
    return clients
