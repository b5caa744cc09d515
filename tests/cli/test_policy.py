"""`interlock policy`: exit codes, JSON on stdout, and what people read at 80 columns."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from interlock.app.bundles import named_pack, read_pack
from interlock.cli.policy import app
from interlock.model import Fault, OurFault

GOOD = '@id("all") @title("everything") permit (principal, action, resource);'
BAD = '@id("all") permit (principal, action, resource);'
CASES = "principals: {zed: {kind: person}}\ncases: [{name: nothing to do, who: zed, expect: EXPECTED}]"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No interlock.toml of this checkout decides about these tests."""
    monkeypatch.chdir(tmp_path)


def write(directory: Path, policies: str, expected: str | None = None) -> Path:
    directory.mkdir()
    (directory / "a.cedar").write_text(policies)
    if expected is not None:
        (directory / "cases.yaml").write_text(CASES.replace("EXPECTED", expected))
    return directory


def test_the_shipped_packs_pass() -> None:
    result = run("test", "--json")
    assert result.exit_code == 0
    packs = json.loads(result.stdout)
    assert [pack["pack"] for pack in packs] == ["production", "development"]
    assert all(pack["cases"] and not pack["unused"] and not pack["refused"] for pack in packs)


@pytest.mark.parametrize(
    ("policies", "expected", "code"), [(GOOD, "allow", 0), (GOOD, "deny", 1), (BAD, "allow", 78), (GOOD, None, 0)]
)
def test_exit_codes_of_test(tmp_path: Path, policies: str, expected: str | None, code: int) -> None:
    assert run("test", write(tmp_path / "p", policies, expected)).exit_code == code


def test_a_failing_case_says_what_was_expected_and_what_came(tmp_path: Path) -> None:
    result = run("test", write(tmp_path / "p", GOOD, "deny"))
    assert "nothing to do" in result.stderr
    assert "expected deny, decided allow" in result.stderr
    assert result.stdout == ""


def test_a_case_file_that_cannot_be_read_refuses_the_pack(tmp_path: Path) -> None:
    result = run("test", write(tmp_path / "p", GOOD, "maybe"))
    assert result.exit_code == 78
    assert "cases.yaml" in result.stderr


def test_lint_names_file_and_policy(tmp_path: Path) -> None:
    result = run("lint", write(tmp_path / "p", BAD))
    assert result.exit_code == 78
    assert "a.cedar: `all`: `@title` is missing" in result.stderr


def test_the_worst_pack_decides_the_exit_code(tmp_path: Path) -> None:
    assert run("lint", "production", write(tmp_path / "p", BAD)).exit_code == 78


def test_show_lists_every_policy_within_80_columns() -> None:
    result = run("show")
    assert result.exit_code == 0
    assert max(len(line) for line in result.stderr.splitlines()) <= 80
    for name in ("no-destroy-without-approval", "approval:dba-leads:2", "maxRows=10000"):
        assert name in result.stderr


def test_show_prints_one_policy_that_cedar_reads_again() -> None:
    result = run("show", "unsafe-shape", "--json")
    (rule,) = json.loads(result.stdout)
    assert rule["id"] == "unsafe-shape"
    assert "forbid" in rule["text"]


def test_show_of_a_policy_that_is_not_there_says_how_to_find_one() -> None:
    result = run("show", "nope")
    assert isinstance(result.exception, Fault)
    assert "policy show" in str(result.exception)


@pytest.mark.parametrize("name", ["production", "development"])
def test_a_pack_that_ships_is_found_from_anywhere(name: str) -> None:
    assert "cases.yaml" in read_pack(named_pack(name))


def test_a_pack_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    for place in (tmp_path / "nothing", tmp_path):
        with pytest.raises(OurFault):
            read_pack(named_pack(str(place)))


def test_a_pack_that_is_not_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "a.cedar").write_bytes(b"\xff")
    with pytest.raises(OurFault, match="UTF-8"):
        read_pack(named_pack(str(tmp_path)))
