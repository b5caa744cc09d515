"""One run of pgbench, and what it cost the middle."""

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks.stage import DATABASE, Bench, Way
from interlock.app.embedded import LOOPBACK

_BETWEEN_SAMPLES = 0.02
_FEWEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """`rate` in statements a second, latencies in milliseconds, `cpu` of the middle in microseconds a statement."""

    rate: float
    p50: float
    p99: float
    cpu: float | None


def run(bench: Bench, way: Way, *options: str, seconds: int, clients: int) -> Run:
    """Every script is one statement a transaction. CPU is counted between its first and its last, without logins.

    pgbench's clock runs while its clients log in: a run that was over before it began is repeated, longer.
    """
    with tempfile.TemporaryDirectory() as name:
        environment = {
            **os.environ,
            "PGPASSWORD": way.password,
            "PGSSLMODE": "disable" if way.authority is None else "verify-full",
            "PGSSLROOTCERT": str(way.authority or ""),
        }
        host = LOOPBACK if way.authority is None else "localhost"
        # The embedded one was built without TLS.
        program = bench.server.binary("pgbench") if way.authority is None else shutil.which("pgbench")
        if program is None:
            raise SystemExit("there is no pgbench that speaks TLS; install postgresql-client-15 and postgresql-15")
        command = [
            program, "--no-vacuum", *options, f"--client={clients}", f"--time={seconds}",
            f"--jobs={min(clients, 2)}", "--log", "--log-prefix=log", f"--host={host}", f"--port={way.port}",
            f"--username={way.user}", DATABASE,
        ]  # fmt: skip
        with _Samples(way) as samples:
            done = subprocess.run(command, cwd=name, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"pgbench through {way.name} failed: {done.stderr.strip()}")
        lines = [line.split() for log in Path(name).glob("log.*") for line in log.read_text().splitlines()]
    if len(lines) < _FEWEST or len(samples.taken) < _FEWEST:
        return run(bench, way, *options, seconds=seconds * 2, clients=clients)
    return _read(lines, samples.taken)


class _Samples:
    """CPU seconds of the middle against the time of day, taken while something else runs."""

    def __init__(self, way: Way) -> None:
        self.taken: list[tuple[float, float]] = []
        self._way = way
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._take)

    def __enter__(self) -> "_Samples":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _take(self) -> None:
        while not self._over.wait(_BETWEEN_SAMPLES):
            self.taken.append((time.time(), self._way.cpu()))


def _read(lines: Sequence[Sequence[str]], samples: Sequence[tuple[float, float]]) -> Run:
    """Lines of the log: client, transaction, microseconds, script, seconds and microseconds of the time of its end."""
    took = [int(line[2]) for line in lines]
    ended = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
    first, last = min(ended), max(ended)
    within = [sample for sample in samples if first < sample[0] < last]
    cut = quantiles(took, n=100)
    cpu = None
    if samples[-1][1] and len(within) > 1:
        (began, before), (over, after) = within[0], within[-1]
        cpu = (after - before) * 1e6 / sum(began < moment <= over for moment in ended)
    return Run(rate=len(ended) / (last - first), p50=median(took) / 1000, p99=cut[98] / 1000, cpu=cpu)


def middle_of(runs: Sequence[Run]) -> Run:
    """The median of each figure."""
    costs = [each.cpu for each in runs if each.cpu is not None]
    return Run(
        rate=median(each.rate for each in runs),
        p50=median(each.p50 for each in runs),
        p99=median(each.p99 for each in runs),
        cpu=median(costs) if costs else None,
    )
