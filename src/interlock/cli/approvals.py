"""`interlock approvals`: what waits for people, and what they say."""

import os
from pathlib import Path
from typing import Annotated

import typer

from interlock.access.faults import ApprovalRefused
from interlock.access.leases import grouped
from interlock.app.approvals.client import Desk
from interlock.app.approvals.messages import Verdict
from interlock.app.clock import now
from interlock.app.config import load_config
from interlock.app.secrets import read_private
from interlock.cli.approval_card import broken_line, card_data, lease_data, show_card, show_list, step_line
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import complain, emit, emit_json, quoted, say
from interlock.model import CallerFault, Lease

app = typer.Typer(help="Show, approve and deny what is held.", no_args_is_help=True)

Request = Annotated[str, typer.Argument(help="The request's id, or its last characters.")]
Name = Annotated[
    str | None,
    typer.Option("--as", envvar="INTERLOCK_PRINCIPAL", help="Who decides: a principal of the configuration."),
]
SecretFile = Annotated[Path | None, typer.Option(help="Where its secret is. [default: INTERLOCK_SECRET, or asked for]")]
Token = Annotated[str | None, typer.Option(envvar="INTERLOCK_TOKEN", help="A signed token instead; - reads stdin.")]
Why = Annotated[str | None, typer.Option(help="Why; it is recorded.")]


@app.callback()
def approvals() -> None:
    """Held commands wait for people. Nobody in the chain that asks can approve; every step is recorded."""


def _desk(config: Path) -> Desk:
    return Desk(load_config(config).approvals.socket)


@app.command("list")
def list_open(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """List what waits, alike requests of one requester together, and what is approved and not used yet."""
    with _desk(config) as desk:
        leases = desk.open()
    if as_json:
        emit_json([lease_data(lease) for lease in leases])
        return
    if not leases:
        say("nothing waits for anybody")
    show_list(grouped(leases), now())


@app.command()
def show(request: Request, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Show one request as a card. Exits with 75 while it waits; that it was shown is recorded."""
    with _desk(config) as desk:
        shown = desk.show(request)
    if as_json:
        emit_json(card_data(shown.lease, shown.card))
    else:
        show_card(shown.lease, shown.card, now())
    _exit_by(shown.lease)


@app.command()
def approve(
    request: Request,
    name: Name = None,
    secret_file: SecretFile = None,
    token: Token = None,
    group: Annotated[str | None, typer.Option(help="In whose name. [default: the group that helps most]")] = None,
    reason: Why = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Approve one request, once. Exits with 75 while others have to approve it too."""
    _decide(config, request, "approve", (name, secret_file, token), group=group, reason=reason, as_json=as_json)


@app.command()
def deny(
    request: Request,
    name: Name = None,
    secret_file: SecretFile = None,
    token: Token = None,
    reason: Why = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Deny one request, or take back an approval that is not used yet."""
    _decide(config, request, "deny", (name, secret_file, token), reason=reason, as_json=as_json)


@app.command()
def withdraw(
    request: Request,
    name: Name = None,
    secret_file: SecretFile = None,
    token: Token = None,
    reason: Why = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """End a request that you, or an agent of yours, made, or that you approved; without --as, as the operator."""
    known = (name, secret_file, token) if name or token else None
    _decide(config, request, "withdraw", known, reason=reason, as_json=as_json)


@app.command("break-glass")
def break_glass(
    request: Request,
    reason: Annotated[str, typer.Option(help="Why nobody could be asked; it is recorded, and reviewed.")],
    token: Token = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Put a reason in the place of approvals: for people with a second factor, loudly, to be reviewed by others."""
    _decide(config, request, "break-glass", (None, None, token), reason=reason, as_json=as_json)


@app.command()
def review(
    request: Annotated[str | None, typer.Argument(help="The request. [default: list what waits for a review]")] = None,
    finding: Annotated[str | None, typer.Option(help="What you found; it is recorded.")] = None,
    name: Name = None,
    secret_file: SecretFile = None,
    token: Token = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List what the glass was broken for, or say what a look at one of them found. Exits with 75 while some wait."""
    if request is not None:
        _decide(config, request, "review", (name, secret_file, token), reason=finding, as_json=as_json)
        return
    with _desk(config) as desk:
        waiting = desk.unreviewed()
    if as_json:
        emit_json([lease_data(lease) for lease in waiting])
    for lease in [] if as_json else waiting:
        say(quoted(broken_line(lease)))
    if waiting:
        raise typer.Exit(Exit.PENDING)


@app.command()
def watch(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print every step as it happens, a line each, until interrupted."""
    import msgspec

    with _desk(config) as desk:
        for step in desk.watch():
            data = {"what": step.what, "at": step.at // 1_000_000, "request": lease_data(step.lease)}
            emit(msgspec.json.encode(data).decode() if as_json else step_line(step.what, step.lease, step.at))
            _flush()


def _decide(
    config: Path,
    request: str,
    verdict: Verdict,
    who: tuple[str | None, Path | None, str | None] | None,
    *,
    group: str | None = None,
    reason: str | None,
    as_json: bool,
) -> None:
    with _desk(config) as desk:
        if who is not None:
            _identify(desk, *who)
        try:
            lease = desk.decide(request, verdict, group=group, reason=reason)
        except ApprovalRefused as refused:
            complain(str(refused))
            raise typer.Exit(Exit.DENIED) from None
    if as_json:
        emit_json(lease_data(lease))
    else:
        say(quoted(step_line(_done(verdict, lease), lease, now())))
    _exit_by(lease)


def _identify(desk: Desk, name: str | None, secret_file: Path | None, token: str | None) -> None:
    if token is not None:
        desk.present((typer.get_text_stream("stdin").read() if token == "-" else token).strip())
    elif name is not None:
        desk.be(name, _secret(name, secret_file))
    else:
        raise CallerFault("say who decides: --as NAME with its secret, or --token")


def _secret(name: str, file: Path | None) -> str:
    if file is not None:
        return read_private(file).decode().rstrip("\r\n")
    found: str = os.environ.get("INTERLOCK_SECRET") or typer.prompt(f"secret of {name}", hide_input=True, err=True)
    return found


def _done(verdict: Verdict, lease: Lease) -> str:
    if verdict == "approve":
        return "approved" if lease.pending else "granted"
    done: dict[Verdict, str] = {
        "deny": "denied",
        "withdraw": "withdrawn",
        "break-glass": "GLASS BROKEN for",
        "review": "reviewed",
    }
    return done[verdict]


def _exit_by(lease: Lease) -> None:
    if lease.pending:
        raise typer.Exit(Exit.PENDING)


def _flush() -> None:
    import sys

    sys.stdout.flush()
