"""What leaves the house is accepted by verifiers that are not ours."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from interlock.ledger.faults import LedgerDamaged, LedgerFault
from interlock.ledger.note import Signer
from interlock.ledger.proof import Proof
from interlock.store.export import export_log
from interlock.store.find import prove
from interlock.store.keys import load
from tests.conftest import require
from tests.store.ledgers import opened, reading, settings, statements

HERE = Path(__file__).parent
VERIFIER = HERE.parents[1] / "tools" / "verify_proof.py"
GO_PACKAGES = Path("/usr/share/gocode")
GO_INSTALL = "apt-get install golang-go golang-golang-x-mod-dev"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 601 records."""
    folder = tmp_path_factory.mktemp("ledger")
    with opened(folder) as ledger:
        ledger.append(statements(300))
    return folder


@pytest.fixture
def exported(folder: Path, tmp_path: Path) -> Path:
    with reading(folder) as reader:
        export_log(reader, signer(folder).verifier, tmp_path / "export")
    return tmp_path / "export"


def signer(folder: Path) -> Signer:
    return Signer("gw.test", load(settings(folder).signing_key_path))


def python_verdict(proof: Path, vkey: Path, verifier: Path = VERIFIER) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, verifier, proof, vkey], capture_output=True, text=True, check=False)


def go_verdict(exported: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cache),
        "GOCACHE": str(cache / "go"),
        "GOPATH": str(GO_PACKAGES),
        "GO111MODULE": "off",
        "GOFLAGS": "",
    }
    command: list[str | Path] = ["go", "run", HERE / "go" / "verify_export.go", exported]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def go_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = shutil.which("go") is not None and (GO_PACKAGES / "src/golang.org/x/mod/sumdb/tlog").is_dir()
    require(found, what="Go with golang.org/x/mod", install=GO_INSTALL)
    return tmp_path_factory.mktemp("go")


def test_go_accepts_the_export(exported: Path, go_cache: Path) -> None:
    verdict = go_verdict(exported, go_cache)
    assert (verdict.stderr, verdict.stdout) == ("", "verified 601 records\n")


@pytest.mark.parametrize("file", ["checkpoint", "tile/0/000", "tile/entries/002.p/89", "tile/1/000.p/2"])
def test_go_refuses_a_changed_export(exported: Path, go_cache: Path, file: str) -> None:
    data = bytearray((exported / file).read_bytes())
    data[20] ^= 1
    (exported / file).write_bytes(data)
    assert go_verdict(exported, go_cache).returncode != 0


def test_an_export_needs_a_new_directory(folder: Path, exported: Path) -> None:
    with reading(folder) as reader, pytest.raises(LedgerFault, match="not empty"):
        export_log(reader, signer(folder).verifier, exported)


def test_texts_stay_at_home(folder: Path, exported: Path) -> None:
    everything = b"".join(path.read_bytes() for path in exported.rglob("*") if path.is_file())
    with reading(folder) as reader:
        assert all(sealed not in everything for seq in range(1, 601) if (sealed := reader.text(seq)))
    assert b"SELECT 299" not in everything


@pytest.mark.parametrize("seq", [0, 1, 255, 256, 511, 512, 600])
def test_a_proof_is_accepted_by_the_enclosed_verifier(folder: Path, exported: Path, tmp_path: Path, seq: int) -> None:
    with reading(folder) as reader:
        proof = prove(reader, seq)
    (tmp_path / "one.tlog-proof").write_text(proof.text())
    verdict = python_verdict(tmp_path / "one.tlog-proof", exported / "vkey", exported / "verify_proof.py")
    assert verdict.stderr == ""
    assert verdict.stdout.endswith(f"is record {seq} of this log\n")
    assert Proof.parse(proof.text()).verify(signer(folder).verifier).size == 601


@pytest.mark.parametrize("at", range(25, 2600, 173))
def test_a_changed_proof_is_refused_by_both(folder: Path, exported: Path, tmp_path: Path, at: int) -> None:
    with reading(folder) as reader:
        changed = bytearray(prove(reader, 300).text().encode())
    changed[at % len(changed)] ^= 1
    text = changed.decode("utf-8", "replace")
    (tmp_path / "one.tlog-proof").write_text(text)
    assert python_verdict(tmp_path / "one.tlog-proof", exported / "vkey").returncode != 0
    with pytest.raises(LedgerDamaged):
        Proof.parse(text).verify(signer(folder).verifier)


def test_the_verifier_stays_short() -> None:
    assert len(VERIFIER.read_text().splitlines()) < 60
