"""The `interlock` command: a table of commands, of which only the one that is called is imported."""

import importlib
import os
import sys
from typing import Final, NamedTuple

import typer

from interlock.cli.exits import exit_of
from interlock.model import Fault


class Entry(NamedTuple):
    """A module whose `app` holds one command (or, as a group, several), and what it does in one line."""

    module: str
    summary: str
    group: bool = False


COMMANDS: Final = {
    "init": Entry("interlock.cli.init", "Write an interlock.toml for a database, with its keys."),
    "doctor": Entry("interlock.cli.doctor", "Check a set-up from end to end, and say what to mend."),
    "serve": Entry("interlock.cli.serve", "Run the gateway."),
    "explain": Entry("interlock.cli.explain", "Say what a statement would do, and whether it may."),
    "approvals": Entry("interlock.cli.approvals", "Show, approve and deny what is held.", group=True),
    "runbook": Entry("interlock.cli.runbook", "Approve statements in advance, by signature.", group=True),
    "lease": Entry("interlock.cli.lease", "Ask for access for a while, list and revoke it.", group=True),
    "access": Entry("interlock.cli.access", "Review who could do what, who did, and what could go.", group=True),
    "catalog": Entry("interlock.cli.catalog", "Save a target's catalogue, to explain statements offline.", group=True),
    "policy": Entry("interlock.cli.policy", "Test, lint and show policies.", group=True),
    "ledger": Entry("interlock.cli.ledger", "Show, verify, prove and export what was recorded.", group=True),
    "token": Entry("interlock.cli.token", "Mint, inspect and revoke short-lived tokens.", group=True),
    "principal": Entry("interlock.cli.principal", "Make passwords and verifiers for principals.", group=True),
    "target": Entry("interlock.cli.target", "Prepare a target: what its administrator must grant.", group=True),
}

_COMPLETING: Final = "_INTERLOCK_COMPLETE"  # only set by the scripts of --show-completion
_ABOUT: Final = "Guards databases: every command is understood, judged and recorded before it lands."


def compose(called: str | None) -> typer.Typer:
    """The command line, with the command `called` complete and the others as names for the help page.

    Importing them all costs half a second; the help page and completion are wanted at once.
    """
    app = typer.Typer(
        help=_ABOUT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # plain help: at once, and [tokens] stays what it is
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, entry in COMMANDS.items():
        if name != called:
            app.command(name, help=entry.summary)(_only_named)
        elif entry.group:
            app.add_typer(importlib.import_module(entry.module).app, name=name, help=entry.summary)
        else:
            app.add_typer(importlib.import_module(entry.module).app)
    return app


def main() -> None:
    """Run `interlock`. A fault ends with its own text and its exit code, never with a traceback."""
    try:
        compose(_called())()
    except Fault as fault:
        from interlock.cli.render import complain

        complain(str(fault))
        sys.exit(exit_of(fault))


def _called() -> str | None:
    # While a shell completes, the line so far is in the environment: zsh, fish and PowerShell name it so, bash so.
    line = os.environ.get("_TYPER_COMPLETE_ARGS", os.environ.get("COMP_WORDS") if _COMPLETING in os.environ else None)
    words = sys.argv[1:] if line is None else line.split()[1:]
    return next((word for word in words if not word.startswith("-")), None)


def _only_named() -> None:
    raise AssertionError("a command that was not called cannot run")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        from interlock.intent.sql import COMPILED

        typer.echo(version("interlock") + (" (compiled)" if COMPILED else ""))
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Guards databases: every command is understood, judged and recorded before it lands."""
