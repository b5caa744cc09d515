"""`interlock target prepare`: what a target's administrator must grant the gateway's role, printed or applied."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from interlock.access.verifier import derive_verifier
from interlock.app.checkup import Grade
from interlock.app.checkup.target import examine_target
from interlock.app.config import ConfigFault, TargetConfig, load_config
from interlock.app.credentials import SALT_BYTES, minter_password, target_password
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import Mark, check_line, emit, emit_json, quoted, say
from interlock.gateways.postgres.target.admin import Lender, Wish, apply, preparation

app = typer.Typer(help="Prepare a target: what its administrator must grant.", no_args_is_help=True)


@app.callback()
def targets() -> None:
    """The gateway logs into a target with one role of its own, which owns nothing."""


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="The target, as the configuration names it.")],
    schema: Annotated[
        list[str] | None, typer.Option(help="A schema to grant; repeat for more. [default: public]")
    ] = None,
    write: Annotated[
        bool, typer.Option("--write/--read", help="Also INSERT, UPDATE and DELETE, or SELECT alone.")
    ] = False,
    owner: Annotated[
        list[str] | None, typer.Option(help="Also grant tables that this role will make; repeat for more.")
    ] = None,
    revoke_public: Annotated[
        bool,
        typer.Option("--revoke-public", help="Take the defaults of PUBLIC away: others then need grants of their own."),
    ] = False,
    execute: Annotated[bool, typer.Option("--apply", help="Run it instead of printing it, and verify.")] = False,
    as_admin_url: Annotated[
        str | None,
        typer.Option(envvar="INTERLOCK_ADMIN_URL", help="Who runs it: postgresql://... of an administrator."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the SQL that an administrator runs. In the target's database, once; running it again does no harm."""
    target = _target(config, name)
    statements = preparation(
        Wish(
            database=target.database,
            role=target.user,
            schemas=schema or ["public"],
            write=write,
            owners=owner or [],
            revoke_public=revoke_public,
            lender=_lender(target),
            # A verifier instead of the password: the text ends in histories and server logs.
            verifier=derive_verifier(target_password(target, environ=os.environ), salt=os.urandom(SALT_BYTES)),
        )
    )
    if execute:
        _run(name, target, statements, as_admin_url, as_json)
    elif as_json:
        emit_json({"target": name, "statements": statements})
    else:
        emit("".join(f"{statement};\n" for statement in statements).rstrip())
        say(f"[dim]run this in database {quoted(target.database)} as its administrator, or use --apply[/]")


def _lender(target: TargetConfig) -> Lender | None:
    minter = target.minter
    if minter is None:
        return None
    password = minter_password(minter, environ=os.environ)
    return Lender(
        role=minter.user,
        owner_role=minter.owner_role,
        verifier=derive_verifier(password, salt=os.urandom(SALT_BYTES)),
    )


def _target(config: Path, name: str) -> TargetConfig:
    target = load_config(config).targets.get(name)
    if target is None:
        raise ConfigFault(config.name, [(1, f"there is no [targets.{name}]: add it, or name another target")])
    return target


def _run(name: str, target: TargetConfig, statements: Sequence[str], admin_url: str | None, as_json: bool) -> None:
    """Apply the statements, then look at the target as the gateway will."""
    if admin_url is None:
        raise typer.BadParameter("--apply needs --as-admin-url, or INTERLOCK_ADMIN_URL in the environment")
    asyncio.run(apply(admin_url, statements))
    checks = asyncio.run(examine_target(f"target {name}", target, os.environ))
    if as_json:
        emit_json({"target": name, "statements": statements, "checks": checks})
    else:
        for check in checks:
            check_line(Mark(check.grade.value), check.about, check.found, check.todo)
    if any(check.grade is Grade.FAIL for check in checks):
        raise typer.Exit(Exit.MISCONFIGURED)
