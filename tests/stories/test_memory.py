"""A million rows pass through in bounded memory, however slowly the client reads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.wire.postgres import kinds
from interlock.wire.postgres.messages import build_query
from tests.attacks.wire import Wire, rows
from tests.stand import Stand, standing
from tests.stories.worlds import SMALL

MILLION = 1_000_000
MOST = 64 * 1024 * 1024  # bytes that a worker may grow by
ROWS = f"SELECT n, md5(n::text) AS digest, repeat('x', 40) AS filling FROM generate_series(1, {MILLION}) AS n"


@pytest.fixture(scope="module")
def stand(postgres18: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("memory")
    with standing(postgres18, directory, SMALL, pack="development", environment="dev") as made:
        made.start()
        yield made
        made.end_well()


def worker(stand: Stand) -> psutil.Process:
    """The process that holds the connections."""
    assert stand.process is not None
    (found,) = [
        child
        for child in psutil.Process(stand.process.pid).children()
        if "interlock.app.serve.worker" in " ".join(child.cmdline())
    ]
    return found


class Peak:
    """The most memory that a process had beyond what it had before."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._before = self._most = process.memory_info().rss

    def look(self) -> None:
        self._most = max(self._most, self._process.memory_info().rss)

    @property
    def grown(self) -> int:
        return self._most - self._before


@contextmanager
def watched(stand: Stand) -> Iterator[Peak]:
    """Looks all the time."""
    with Wire(stand) as wire:
        wire.ask(build_query("SELECT 1"))  # whatever a first session costs is no part of it
    peak, over = Peak(worker(stand)), threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            peak.look()

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        over.set()
        looking.join()


def drained(wire: Wire, kind: int) -> int:
    """How many frames of this kind came until the answer was over."""
    found = 0
    while True:
        got, _ = wire.frame()
        assert got not in (0, kinds.ERROR_RESPONSE)
        found += got == kind
        if got == kinds.READY_FOR_QUERY:
            return found


@pytest.mark.alone
@pytest.mark.parametrize(
    ("text", "kind"),
    [(ROWS, kinds.DATA_ROW), (f"COPY ({ROWS}) TO STDOUT", kinds.COPY_DATA)],
    ids=["select", "copy"],
)
def test_a_million_rows(stand: Stand, text: str, kind: int) -> None:
    with watched(stand) as peak, Wire(stand) as wire:
        wire.send(build_query(text))
        assert drained(wire, kind) == MILLION
    assert peak.grown < MOST, f"{peak.grown / 2**20:.0f} MiB"


@pytest.mark.alone
@pytest.mark.parametrize("text", [ROWS, f"COPY ({ROWS}) TO STDOUT"], ids=["select", "copy"])
def test_a_client_that_reads_slowly(stand: Stand, text: str) -> None:
    """It reads a little now and then; all the while another session is served."""
    with watched(stand) as peak, Wire(stand) as slow, Wire(stand) as other:
        slow.send(build_query(text))
        for _ in range(300):
            slow.frame()
            assert rows(other.ask(build_query("SELECT 1"))) == ["1"]
    assert peak.grown < MOST, f"{peak.grown / 2**20:.0f} MiB"


@pytest.mark.alone
def test_one_row_of_48_megabytes(stand: Stand) -> None:
    """It is not held back until it is whole."""
    with watched(stand) as peak, Wire(stand) as wire:
        wire.send(build_query("SELECT " + ", ".join(["repeat('x', 9600000)"] * 5)))
        assert drained(wire, kinds.DATA_ROW) == 1
    assert peak.grown < MOST, f"{peak.grown / 2**20:.0f} MiB"


@pytest.mark.alone
def test_a_million_rows_on_their_way_in(stand: Stand) -> None:
    """COPY FROM, faster than the target takes it."""
    piece = "".join(f"{n}\tbody\n" for n in range(MILLION)).encode()
    with watched(stand) as peak, stand.connect() as client:
        with client.cursor().copy("COPY notes FROM STDIN") as copy:
            for at in range(0, len(piece), 1 << 16):
                copy.write(piece[at : at + (1 << 16)])
        assert client.execute("SELECT count(*) FROM notes").fetchone() == (MILLION,)
    assert peak.grown < MOST, f"{peak.grown / 2**20:.0f} MiB"
