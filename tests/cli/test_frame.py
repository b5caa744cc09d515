"""What every command has in common: help, faults, exit codes, colour, completion."""

import importlib.metadata
import subprocess
import sys

import pytest
from typer.main import get_command

from interlock.cli.exits import Exit, exit_of
from interlock.cli.main import COMMANDS, compose
from interlock.intent.sql import COMPILED
from interlock.model import CallerFault, OurFault, TargetFault
from tests.cli.running import INTERLOCK, interlock

OURS = ["init", "doctor", "token", "principal", "target"]


def test_help_names_every_command_in_80_columns(tmp_path):
    done = interlock("--help", cwd=tmp_path)
    assert done.code == 0
    assert all(f"\n  {name} " in done.out for name in COMMANDS)
    assert not [line for line in done.out.splitlines() if line.endswith("...") and not line.startswith("Usage")]
    assert max(map(len, done.out.splitlines())) <= 80


def test_help_imports_no_command():
    program = (
        "import sys; sys.argv = ['interlock', '--help']\n"
        "from interlock.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'rich', 'asyncpg', 'cryptography', 'cedarpy', 'postgast', 'interlock.app'} & sys.modules.keys()\n"
        "print('heavy:', sorted(heavy))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("heavy: []")


def test_every_command_but_serve_answers_scripts():
    commands = {name: get_command(compose(name)).commands[name] for name in COMMANDS}
    leaves = {
        f"{name} {part}".strip(): leaf
        for name, command in commands.items()
        for part, leaf in getattr(command, "commands", {"": command}).items()
    }
    assert len(leaves) > 15
    without = {name for name, leaf in leaves.items() if not any("--json" in each.opts for each in leaf.params)}
    assert without == {"serve"}


@pytest.mark.parametrize("name", OURS)
def test_each_command_explains_itself(tmp_path, name):
    done = interlock(name, "--help", cwd=tmp_path)
    assert done.code == 0
    assert f"interlock {name}" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert "...\n" not in done.out.partition("Commands:")[2] + "\n", "a summary is cut: make its first sentence shorter"


@pytest.mark.parametrize(
    "arguments",
    [
        ["init", "--url", "postgresql://gateway@db.internal/shop", "--dir", "file/below"],
        ["token", "keygen", "--dir", "file/below"],
    ],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path, arguments):
    (tmp_path / "file").write_text("in the way")
    done = interlock(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert "cannot be written (Not a directory): name another place" in done.err
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    "arguments", [["token", "revoke", ""], ["principal", "verifier", " "], ["token", "keygen", "a/b"]]
)
def test_a_name_that_names_nothing_is_refused(tmp_path, arguments):
    done = interlock(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (Exit.USAGE, "")


def test_the_version_is_that_of_the_package(tmp_path):
    said = importlib.metadata.version("interlock") + (" (compiled)" if COMPILED else "")
    assert interlock("--version", cwd=tmp_path).out.strip() == said


@pytest.mark.parametrize("arguments", [["nope"], ["token", "nope"], ["doctor", "--nope"], ["token", "mint"]])
def test_a_usage_error_ends_with_2(tmp_path, arguments):
    done = interlock(*arguments, cwd=tmp_path)
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert "Usage: interlock" in done.err


def test_a_fault_ends_with_its_own_text_and_its_code(tmp_path):
    done = interlock("token", "mint", "--sub", "ana", cwd=tmp_path)
    assert (done.code, done.out) == (Exit.MISCONFIGURED, "")
    assert done.err.startswith("interlock: interlock.toml:1: `interlock.toml` cannot be read")


def test_faults_have_the_code_of_who_must_act():
    assert [exit_of(fault("x")) for fault in (CallerFault, TargetFault, OurFault)] == [2, 69, 78]


def test_what_a_user_typed_is_neither_markup_nor_a_control_sequence(tmp_path):
    done = interlock("doctor", "--config", "[red]\x1b[2J.toml", cwd=tmp_path)
    assert "[red]" in done.err
    assert "\x1b" not in done.err


def test_colour_is_for_those_who_want_it(tmp_path):
    coloured = interlock("doctor", cwd=tmp_path, environ={"FORCE_COLOR": "1", "TERM": "xterm"})
    plain = interlock("doctor", cwd=tmp_path, environ={"FORCE_COLOR": "1", "TERM": "xterm", "NO_COLOR": "1"})
    assert "\x1b[1;31mfail" in coloured.err
    assert "\x1b" not in plain.err
    assert "fail" in plain.err


@pytest.mark.parametrize(("line", "offers"), [("interlock to", "token"), ("interlock token re", "revoke")])
def test_the_shell_completes(tmp_path, line, offers):
    environ = {"_INTERLOCK_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line}
    done = interlock(cwd=tmp_path, environ=environ)
    assert offers in done.out


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        ("interlock led", ["ledger"]),
        ("interlock ledger sh", ["show"]),
        ("interlock ledger ", ["erase", "export", "prove", "show", "verify", "vkey"]),
        ("interlock explain --ba", ["--batch"]),
    ],
)
def test_bash_completes(tmp_path, words, offers):
    """As bash calls it, by the very script that --install-completion writes."""
    program = (
        # The shell that asks is found among the processes above, so it must still be there.
        'eval "$(interlock --show-completion; true)"\n'
        f"COMP_WORDS=({words}); [[ '{words}' == *' ' ]] && COMP_WORDS+=('')\n"
        "COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); _interlock_completion interlock; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    path = f"{INTERLOCK.parent}:/usr/bin:/bin"
    done = subprocess.run(["bash", "-c", program], env={"PATH": path}, capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split()) == offers


def test_the_configuration_may_be_named_in_the_environment(tmp_path):
    done = interlock("doctor", "--json", cwd=tmp_path, environ={"INTERLOCK_CONFIG": "other.toml"})
    assert "other.toml" in done.json["checks"][0]["found"]


def test_a_command_that_was_not_called_is_only_a_name():
    assert len(compose(None).registered_commands) == len(COMMANDS)
    assert len(compose("token").registered_groups) == 1
