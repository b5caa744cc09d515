"""What the supervisor tells Prometheus about itself: the ledger, its workers, and which policy is in force."""

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

_FILES: Final = ("", "-wal")  # what SQLite keeps of a ledger


class Reading(Struct, frozen=True, kw_only=True):
    """One look at a supervisor. `uptime` is in seconds; `waiting` are records that are not durable yet;
    `restarts` and `reloads` (by how they ended) count from its start."""

    uptime: float
    policy: str
    workers: int
    restarts: int
    reloads: Mapping[str, int]
    records: int
    waiting: int
    space_low: bool
    ledger: Path


class SupervisorMetrics(Collector):
    """Asks `read` whenever it is scraped."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask a supervisor that is still starting."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """For prometheus_client."""
        found = self._read()
        yield InfoMetricFamily("interlock_build", "The version that runs.", value={"version": version("interlock")})
        yield InfoMetricFamily("interlock_policy", "The policy in force.", value={"digest": found.policy})
        yield GaugeMetricFamily("interlock_uptime_seconds", "Since the gateway began.", value=found.uptime)
        yield GaugeMetricFamily("interlock_workers", "Workers that take clients.", value=found.workers)
        yield CounterMetricFamily(
            "interlock_worker_restarts", "Workers that ended by themselves.", value=found.restarts
        )
        reloads = CounterMetricFamily("interlock_reloads", "Reloads, by how they ended.", labels=("outcome",))
        for outcome, count in found.reloads.items():
            reloads.add_metric([outcome], count)
        yield reloads
        yield from _of_the_ledger(found)


def _of_the_ledger(found: Reading) -> Iterable[Metric]:
    yield GaugeMetricFamily("interlock_ledger_records", "Records in the ledger.", value=found.records)
    yield GaugeMetricFamily("interlock_ledger_bytes", "What the ledger takes on disk.", value=_size(found.ledger))
    yield GaugeMetricFamily("interlock_ledger_waiting", "Records that wait for the disk.", value=found.waiting)
    about = "1 while free disk is below the watermark: no new commands run."
    yield GaugeMetricFamily("interlock_ledger_space_low", about, value=found.space_low)


def _size(ledger: Path) -> int:
    parts = (ledger.with_name(ledger.name + suffix) for suffix in _FILES)
    return sum(part.stat().st_size for part in parts if part.exists())
