"""`interlock lease`: access for a while, asked for, listed and revoked."""

from typing import Annotated

import typer

from interlock.app.approvals.messages import AskLease
from interlock.app.clock import now, parse_duration
from interlock.cli.approval_card import lease_data, show_list, step_line
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import emit_json, quoted, say
from interlock.cli.speaking import Name, SecretFile, Token, Why, desk_of, identify, refusals
from interlock.model import Lease, Span, Verb

app = typer.Typer(help="Ask for access for a while, list and revoke it.", no_args_is_help=True)


@app.callback()
def lease() -> None:
    """A lease is access for a while, for a purpose. Policy grants it, or asks people; every step is recorded."""


@app.command()
def request(
    target: Annotated[str, typer.Argument(help="The target, as the configuration names it.")],
    objects: Annotated[list[str], typer.Argument(help="For what: schema.table, schema.* or *.")],
    purpose: Annotated[str, typer.Option(help="What for; it is recorded, and people see it.")],
    verb: Annotated[list[Verb] | None, typer.Option(help="What to do with it. [default: read]")] = None,
    lasts: Annotated[str, typer.Option("--for", help="How long, from the grant: 45s, 15m, 12h, 2d.")] = "1h",
    ticket: Annotated[str | None, typer.Option(help="The ticket that it belongs to.")] = None,
    kind: Annotated[str, typer.Option("--name", help="What policies know it by: lease:NAME.")] = "access",
    name: Name = None,
    secret_file: SecretFile = None,
    token: Token = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Ask for a lease in your own name. Exits with 75 while people have to approve it: `interlock approvals`."""
    asked = AskLease(
        target=target,
        name=kind,
        verbs=verb or [Verb.READ],
        objects=objects,
        seconds=_seconds(lasts),
        purpose=purpose,
        ticket=ticket,
    )
    with desk_of(config) as desk:
        identify(desk, (name, secret_file, token))
        with refusals():
            found = desk.request(asked)
    _show("requested" if found.pending else "granted", found, as_json=as_json)
    if found.pending:
        raise typer.Exit(Exit.PENDING)


@app.command("list")
def list_leases(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """List the leases that are in force, and those that are asked for."""
    with desk_of(config) as desk:
        found = [lease for lease in desk.open() if isinstance(lease.scope, Span)]
    if as_json:
        emit_json([lease_data(lease) for lease in found])
        return
    if not found:
        say("no lease is in force, and none is asked for")
    show_list([(lease,) for lease in found], now())


@app.command()
def revoke(
    lease: Annotated[str, typer.Argument(help="The lease's id, or its last characters.")],
    name: Name = None,
    secret_file: SecretFile = None,
    token: Token = None,
    reason: Why = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """End a lease now: what runs under it is cancelled, and its sessions end. Without --as, as the operator."""
    with desk_of(config) as desk:
        if name or token:
            identify(desk, (name, secret_file, token))
        with refusals():
            ended = desk.decide(lease, "revoke", reason=reason)
    _show(str(ended.end), ended, as_json=as_json)


def _show(what: str, lease: Lease, *, as_json: bool) -> None:
    if as_json:
        emit_json(lease_data(lease))
    else:
        say(quoted(step_line(what, lease, now())))


def _seconds(written: str) -> int:
    try:
        return parse_duration(written)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
