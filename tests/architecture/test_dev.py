"""dev.py without its installations: what it would run, how it sums up, what it says to a typing mistake."""

import sys
from pathlib import Path

import pytest

import dev
from dev import Group


def says(code: int, *, good: frozenset[int] = frozenset({0}), name: str = "part") -> Group:
    return Group(name, [sys.executable, "-c", f"print('the output of {name}'); raise SystemExit({code})"], good)


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert [name for name in dev.COMMANDS if f"\n  {name} " not in shown] == []


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert dev.main(["tset"]) == 2
    assert "`tset`" in capsys.readouterr().err
    assert dev.main([]) == 2


def test_after_a_failure_the_rest_is_not_run_and_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    assert dev.judge([says(0, name="good"), says(3, name="bad")], [says(0, name="late")]) == 1
    shown = capfd.readouterr().out
    assert "the output of bad" in shown
    assert "the output of good" not in shown
    assert "the output of late" not in shown
    assert [line.split()[:2] for line in shown.splitlines()[-3:]] == [
        ["good", "passed"],
        ["bad", "FAILED"],
        ["late", "not"],
    ]


def test_a_failure_in_turn_stops_those_behind_it(capfd: pytest.CaptureFixture[str]) -> None:
    empty = says(5, name="empty", good=frozenset({0, 5}))
    assert dev.judge([], [empty, says(1, name="bad"), says(0, name="late")]) == 1
    shown = capfd.readouterr().out
    assert "the output of bad" in shown
    assert "the output of late" not in shown


def test_nightly_tests_run_only_when_asked_for() -> None:
    for group in dev.tests(["tests/wire"]):
        assert "not nightly" in str(group.command)
        assert group.command[-1] == "tests/wire"
    for group in dev.tests(["--nightly", "tests/wire"]):
        assert "nightly" not in str(group.command)


def test_what_measures_runs_with_nothing_beside_it() -> None:
    shared, alone = dev.tests([])
    assert "-n" in shared.command
    assert "-n" not in alone.command
    assert "-n" not in dev.tests(["--pdb"])[0].command


def test_a_changed_lock_or_another_place_makes_a_new_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dev._fingerprint()
    assert dev._fingerprint() == before
    changed = tmp_path / "requirements.lock"
    changed.write_bytes(dev.LOCK.read_bytes() + b"\n")
    monkeypatch.setattr(dev, "LOCK", changed)
    assert dev._fingerprint() != before


def test_an_environment_whose_python_is_gone_does_not_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert dev._works("import interlock")
    assert not dev._works("import no_such_module")
    dangling = tmp_path / "python"
    dangling.symlink_to(tmp_path / "gone")
    monkeypatch.setattr(dev, "PYTHON", dangling)
    assert not dev._works("pass")
