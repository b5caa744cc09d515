"""`interlock doctor`: is this set-up whole, safe, and the only way in?"""

import asyncio
import os
from pathlib import Path

import typer

from interlock.app.checkup import Check, Grade, examine
from interlock.app.checkup.check import counted
from interlock.app.clock import now
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import Mark, check_line, emit_json, say

app = typer.Typer()


@app.command()
def doctor(config: ConfigFile = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check a set-up from end to end: files, keys, policy, targets, and the way around the gateway.

    Ends with 78 when a check failed. Warnings do not change the exit code.
    """
    checks = asyncio.run(_examine(config, shown=not as_json))
    failed = sum(check.grade is Grade.FAIL for check in checks)
    warned = sum(check.grade is Grade.WARN for check in checks)
    if as_json:
        emit_json({"healthy": not failed, "checks": checks})
    elif failed:
        say(f"\n[bold red]{failed} failed[/], {warned} warned: mend what failed, then ask again")
    else:
        say("\n[bold green]healthy[/]" + (f", with {counted(warned, 'warning')}" if warned else ""))
    raise typer.Exit(Exit.MISCONFIGURED if failed else Exit.DONE)


async def _examine(file: Path, *, shown: bool) -> list[Check]:
    checks = []
    async for check in examine(file, environ=os.environ, entropy=os.urandom, now=now()):
        checks.append(check)
        if shown:
            check_line(Mark(check.grade.value), check.about, check.found, check.todo)
    return checks
