"""Counters of a worker, and what the supervisor makes of them for Prometheus."""

from collections import Counter
from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from interlock.model import Case, Decision
from interlock.policy.judge import Judge

# name -> (help, label names, is a gauge)
_METRICS: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "interlock_commands": ("Commands judged.", ("target", "verdict"), False),
    "interlock_logins": ("Login attempts.", ("outcome",), False),
    "interlock_sessions": ("Sessions under way.", (), True),
}

Count = tuple[str, tuple[str, ...], float]


class Counts:
    """What one worker counted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def command(self, target: str, verdict: str) -> None:
        """A command was judged."""
        self._counts["interlock_commands", (target, verdict)] += 1

    def login(self, outcome: str) -> None:
        """Somebody tried to log in: accepted, refused, or garbled."""
        self._counts["interlock_logins", (outcome,)] += 1

    def sessions(self, change: int) -> None:
        """A session began or ended."""
        self._counts["interlock_sessions", ()] += change

    def snapshot(self) -> list[Count]:
        """Everything so far."""
        return [(name, labels, float(value)) for (name, labels), value in self._counts.items()]


class CurrentJudge:
    """The judge in force, counted. A reload swaps one reference, so running sessions follow it too."""

    def __init__(self, judge: Judge, counts: Counts) -> None:
        self.judge = judge
        self._counts = counts

    def decide(self, case: Case) -> Decision:
        """The decision of the bundle that is in force now."""
        decision = self.judge.decide(case)
        self._counts.command(case.command.session.target.name, decision.verdict)
        return decision

    @property
    def counts(self) -> Mapping[str, frozenset[str]]:
        """By verb, the sliding counts that the bundle in force looks at."""
        return self.judge.counts

    def ways(self, case: Case, decision: Decision) -> tuple[frozenset[str], ...]:
        """What would lift a hold, by the same bundle."""
        return self.judge.ways(case, decision)


class WorkerMetrics(Collector):
    """Sums what the workers reported last; counters of a worker that died are kept, its gauges are not."""

    def __init__(self) -> None:
        self._live: dict[int, list[Count]] = {}
        self._ended: Counter[tuple[str, tuple[str, ...]]] = Counter()

    def report(self, worker: int, counts: list[Count]) -> None:
        """The newest snapshot of a worker."""
        self._live[worker] = counts

    def ended(self, worker: int) -> None:
        """A worker is gone."""
        for name, labels, value in self._live.pop(worker, []):
            if not _METRICS[name][2]:
                self._ended[name, labels] += int(value)

    def collect(self) -> Iterable[Metric]:
        """For prometheus_client."""
        sums: Counter[tuple[str, tuple[str, ...]]] = Counter(self._ended)
        for counts in self._live.values():
            for name, labels, value in counts:
                sums[name, labels] += int(value)
        for name, (about, names, gauge) in _METRICS.items():
            kind = GaugeMetricFamily if gauge else CounterMetricFamily
            family = kind(name, about, labels=names)
            for (counted, labels), value in sums.items():
                if counted == name:
                    family.add_metric(list(labels), value)
            yield family
