"""Killed at any moment: what was acknowledged is there, and the ledger goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.ledger.reading import read_leaf
from tests.store.ledgers import opened, reading, replayed, settings

KILL_POINTS = ("ledger.before-commit", "ledger.after-commit")


def writer(folder: Path, statements: int, **environment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.app.journals", folder, str(statements)],
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def killed_after(folder: Path, lines: int) -> list[str]:
    """Run a writer, kill it in mid-stride after so many acknowledgements; every line it got out."""
    process = writer(folder, 1_000_000)
    assert process.stdout is not None
    with process, process.stdout as output:
        seen = [output.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        seen += output.readlines()
    assert process.returncode == -signal.SIGKILL
    return [line.decode().strip() for line in seen if line.endswith(b"\n")]


def decisions(folder: Path) -> set[str]:
    with reading(folder) as reader:
        return {read_leaf(leaf).id for _, leaf in reader.leaves(0, 1 << 62)}


def kill_loop(folder: Path, rounds: int) -> None:
    acknowledged: set[str] = set()
    for number in range(rounds):
        acknowledged |= {*killed_after(folder, 37 * (number % 5) + 1)}
        assert acknowledged <= decisions(folder)
    with opened(folder):
        pass
    report = replayed(folder)
    assert report.problems == []
    assert report.epochs == 1


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    kill_loop(tmp_path, 4)


@pytest.mark.nightly
def test_kill_9_many_times(tmp_path: Path) -> None:
    kill_loop(tmp_path, 60)


@pytest.mark.parametrize("place", KILL_POINTS)
def test_killed_at_a_named_place(tmp_path: Path, place: str) -> None:
    process = writer(tmp_path, 50, INTERLOCK_KILL_AT=f"{place}:5")
    output, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    acknowledged = {*output.decode().split()}
    assert acknowledged <= decisions(tmp_path)
    with opened(tmp_path) as ledger:
        left = {one.command for one in ledger.unfinished()}
    if place == "ledger.after-commit":
        assert left - acknowledged  # durable, and nobody was told: they were never forwarded
    again = writer(tmp_path, 5)
    again.communicate()
    assert again.returncode == 0
    report = replayed(tmp_path)
    assert (report.problems, report.unfinished) == ([], [])


@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_a_damaged_wal_is_an_older_ledger_or_refused(tmp_path: Path, damage: str) -> None:
    killed_after(tmp_path, 200)
    wal = settings(tmp_path).path.with_name("records.db-wal")
    data = bytearray(wal.read_bytes())
    match damage:
        case "cut":
            wal.write_bytes(data[: len(data) * 2 // 3])
        case "flip":
            data[len(data) // 2] ^= 0xFF
            wal.write_bytes(data)
        case _:
            wal.unlink()
    settings(tmp_path).path.with_name("records.db-shm").unlink(missing_ok=True)
    with opened(tmp_path):
        pass
    assert replayed(tmp_path).problems == []


def test_a_disk_that_fills_up_stops_the_writer(tmp_path: Path) -> None:
    limited = f"ulimit -f 400; exec {sys.executable} -m tests.app.journals {tmp_path} 100000"
    process = subprocess.run(["/bin/bash", "-c", f"trap '' XFSZ; {limited}"], capture_output=True, check=False)
    assert process.returncode == 1
    assert b"could not be made durable" in process.stderr
    acknowledged = {*process.stdout.decode().split()}
    assert acknowledged
    assert acknowledged <= decisions(tmp_path)
    assert replayed(tmp_path).problems == []
