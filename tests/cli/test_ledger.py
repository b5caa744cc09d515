"""`interlock ledger` as its user meets it."""

import json
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from interlock.cli.ledger import app
from interlock.ledger.faults import LedgerFault
from interlock.ledger.leaf import Kind
from interlock.ledger.note import Signer
from interlock.ledger.scribe import Scribe
from interlock.model import CallerFault, Status
from interlock.store.find import NoSuchRecord
from tests.ledger.values import ALLOW, DENY, case, counting_entropy, decided, ended
from tests.store.ledgers import opened, replayed, settings

VERIFIER = Path(__file__).parents[2] / "tools" / "verify_proof.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A denied, an unfinished, and two landed commands of which one waited for its transaction."""
    folder = tmp_path / "ledger"
    with opened(folder) as ledger:
        ledger.append([decided("c-1", text="SELECT 'first'"), ended("c-1")])
        ledger.append([decided("t-1", unit="tx"), ended("t-1", Status.RAN, unit="tx"), ended("tx", unit="tx")])
        denied = Scribe(counting_entropy()).decision(case("c-2", text="DELETE FROM orders -- \x1b[2J"), DENY)
        ledger.append([denied, ended("c-2", Status.REFUSED), decided("c-3")])
    return folder


def call(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--ledger", str(folder)], env={"NO_COLOR": "1", "COLUMNS": "80"})


def shown(folder: Path, *arguments: str) -> list[str]:
    found = json.loads(call(folder, "show", "--json", *arguments).stdout)
    return [one["id"] for one in found]


def test_decisions_are_listed_newest_first(folder: Path) -> None:
    assert shown(folder) == ["c-3", "c-2", "t-1", "c-1"]
    assert shown(folder, "--verdict", "deny") == ["c-2"]
    assert shown(folder, "--principal", "ana", "--limit", "2") == ["c-3", "c-2"]
    assert shown(folder, "--principal", "bob") == []
    assert shown(folder, "--session", "session-2") == []


def test_a_list_fits_80_columns(folder: Path) -> None:
    lines = call(folder, "show").stderr.splitlines()
    assert max(map(len, lines)) <= 80
    text = "\n".join(line.rstrip() for line in lines)
    assert "deny    agent-7 for ana" in text
    assert "no-bulk · refused, 1 row, 0.2 ms" in text
    assert "agents-read · no outcome yet" in text


def test_a_verdict_that_was_not_enforced_stands_in_brackets(tmp_path: Path) -> None:
    folder = tmp_path / "watched"
    with opened(folder) as ledger:
        scribe = Scribe(counting_entropy())
        ledger.append([scribe.decision(case("c-1"), each, enforced=False) for each in (ALLOW, DENY)])
    said = call(folder, "show").stderr
    assert "(allow) agent-7" in said
    assert "(deny)  agent-7" in said


def test_a_transaction_shows_how_it_ended(folder: Path) -> None:
    found = json.loads(call(folder, "show", "--json").stdout)
    assert {one["decision"]["id"]: one["outcome"] and one["outcome"]["outcome"]["status"] for one in found} == {
        "c-3": None,
        "c-2": "refused",
        "t-1": "landed",
        "c-1": "landed",
    }


def test_a_script_finds_what_it_needs_at_the_top(folder: Path) -> None:
    (found,) = json.loads(call(folder, "show", "--json", "--verdict", "deny").stdout)
    assert {key: value for key, value in found.items() if key not in ("decision", "outcome")} == {
        "seq": 6,
        "id": "c-2",
        "kind": "decision",
        "at": found["at"],
        "verdict": "deny",
        "enforced": True,
        "who": "agent-7",
        "on_behalf_of": ["ana"],
        "target": "shop",
        "what": ["read shop.public.orders"],
        "policies": ["no-bulk"],
        "status": "refused",
    }
    assert datetime.fromisoformat(found["at"]).timestamp() * 1_000_000 == found["decision"]["ts"]
    one = json.loads(call(folder, "show", "c-2", "--json", "--no-text").stdout)
    assert one == found | {"settlement": None, "text": None}


def test_a_record_that_is_no_decision_is_shown_alike(folder: Path) -> None:
    shown = json.loads(call(folder, "show", "0").stdout)
    assert (shown["seq"], shown["id"], shown["kind"]) == (0, shown["record"]["id"], "genesis")


def test_reading_a_text_leaves_a_record(folder: Path) -> None:
    before = replayed(folder).size
    result = call(folder, "show", "c-1")
    assert "SELECT 'first'" in result.stderr
    assert "ana (person) → agent-7 (agent)" in result.stderr
    report = replayed(folder)
    assert (report.size, report.kinds[Kind.LEDGER_ACCESS]) == (before + 1, 1)
    assert call(folder, "show", "c-1", "--no-text").exit_code == 0
    assert replayed(folder).size == before + 1


def test_a_text_cannot_move_the_cursor(folder: Path) -> None:
    result = call(folder, "show", "c-2")
    assert "DELETE FROM orders" in result.stderr
    assert "\x1b" not in result.stderr


def test_without_the_data_key_the_text_stays_sealed(folder: Path) -> None:
    settings(folder).data_key_path.rename(folder / "elsewhere")
    result = call(folder, "show", "c-1")
    assert "(text sealed:" in result.stderr
    assert "first" not in result.stderr


def test_an_unknown_record_is_named(folder: Path) -> None:
    assert isinstance(call(folder, "show", "c-9").exception, NoSuchRecord)


def test_no_ledger_says_where_it_looked(tmp_path: Path) -> None:
    error = call(tmp_path / "nowhere", "show").exception
    assert isinstance(error, LedgerFault)
    assert "nowhere" in str(error)


def test_verifying_names_what_is_open_and_exits_by_what_it_found(folder: Path) -> None:
    result = call(folder, "verify")
    assert result.exit_code == 0
    assert result.stderr.startswith("intact  9 records")
    assert "c-3 on shop" in result.stderr
    path = settings(folder).path
    path.write_bytes(path.read_bytes().replace(b"agents read within", b"agents READ within", 1))
    result = call(folder, "verify", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["intact"] is False


def test_a_copy_is_verified_with_the_key_that_was_given(folder: Path, tmp_path: Path) -> None:
    copy, vkey, other = tmp_path / "copy", tmp_path / "vkey", tmp_path / "other"
    copy.mkdir()
    copied = shutil.copy(settings(folder).path, copy)
    vkey.write_text(call(folder, "vkey").stdout)
    other.write_text(str(Signer("gw.test", b"another key, of 32 bytes exactly").verifier))
    with pytest.raises(LedgerFault, match="name the configuration that says where it is"):
        CliRunner().invoke(app, ["verify", "--ledger", str(copied)], catch_exceptions=False)
    assert call(copy, "verify", "--vkey", str(vkey)).stderr.startswith("intact  9 records")
    refused = call(copy, "verify", "--vkey", str(other), "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["problems"][0]["place"] == "checkpoint"
    with pytest.raises(CallerFault, match="interlock ledger vkey"):
        CliRunner().invoke(
            app, ["verify", "--ledger", str(copy), "--vkey", str(tmp_path / "no")], catch_exceptions=False
        )


def test_a_proof_is_checked_by_the_stand_alone_verifier(folder: Path, tmp_path: Path) -> None:
    proof, vkey = tmp_path / "c-2.tlog-proof", tmp_path / "vkey"
    result = call(folder, "prove", "c-2", "-o", str(proof))
    vkey.write_text(result.stdout)
    verdict = subprocess.run([sys.executable, VERIFIER, proof, vkey], capture_output=True, text=True, check=False)
    assert verdict.stdout == "proven: decision c-2 is record 6 of this log\n"


def test_the_key_can_be_had_before_it_is_needed(folder: Path, tmp_path: Path) -> None:
    proof, vkey = tmp_path / "proof", tmp_path / "vkey"
    vkey.write_text(call(folder, "vkey").stdout)
    proven = json.loads(call(folder, "prove", "6", "-o", str(proof), "--json").stdout)
    assert proven == {"seq": 6, "id": "c-2", "size": 9, "proof": str(proof), "vkey": vkey.read_text().strip()}
    assert json.loads(call(folder, "vkey", "--json").stdout) == {"gateway": "gw.test", "vkey": proven["vkey"]}
    command = [sys.executable, VERIFIER, proof, vkey]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.startswith("proven: decision c-2")
    vkey.unlink()
    missing = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (missing.returncode, len(missing.stderr.splitlines())) == (1, 1)


def test_a_place_that_cannot_be_written_is_named(folder: Path, tmp_path: Path) -> None:
    for arguments in (["prove", "c-2", "-o", str(tmp_path / "no" / "proof")], ["export", str(folder / "records.db")]):
        with pytest.raises(CallerFault, match="cannot be written"):
            CliRunner().invoke(app, [*arguments, "--ledger", str(folder)], catch_exceptions=False)


def test_an_export_is_recorded_and_complete(folder: Path, tmp_path: Path) -> None:
    result = call(folder, "export", str(tmp_path / "out"))
    assert "9 records" in result.stderr
    assert (tmp_path / "out" / "checkpoint").read_text().splitlines()[1] == "9"
    assert replayed(folder).kinds[Kind.EXPORT] == 1
    told = json.loads(call(folder, "export", str(tmp_path / "again"), "--json").stdout)
    assert (told["directory"], told["size"], len(told["root"])) == (str(tmp_path / "again"), 10, 64)


def test_erasing_keeps_the_record(folder: Path) -> None:
    assert call(folder, "erase", "c-1", "--reason", "asked for").exit_code == 0
    assert "(text erased)" in call(folder, "show", "c-1").stderr
    assert (replayed(folder).problems, replayed(folder).erased) == ([], 1)


def test_a_text_is_erased_by_its_number_too(folder: Path) -> None:
    told = json.loads(call(folder, "erase", "1", "--reason", "asked for", "--json").stdout)
    assert told == {"erased": ["c-1"]}
    assert (replayed(folder).problems, replayed(folder).erased) == ([], 1)


def test_an_erasure_has_an_end(folder: Path) -> None:
    result = call(folder, "erase", *["c-1"] * 65, "--reason", "all")
    assert result.exit_code == 2
    assert replayed(folder).erased == 0
