"""`interlock approvals`: what waits for people, and what they say."""

from pathlib import Path
from typing import Annotated

import typer

from interlock.access.leases import grouped
from interlock.access.statement import NAMESPACE
from interlock.app.approvals.messages import Verdict
from interlock.app.clock import now
from interlock.cli.approval_card import broken_line, card_data, lease_data, show_card, show_list, step_line
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import emit, emit_json, quoted, say
from interlock.cli.signing import Pen, pen
from interlock.cli.speaking import Name, SecretFile, Speaks, Token, Why, desk_of, identify, refusals
from interlock.model import Lease

app = typer.Typer(help="Show, approve and deny what is held.", no_args_is_help=True)

Request = Annotated[str, typer.Argument(help="The request's id, or its last characters.")]


@app.callback()
def approvals() -> None:
    """Held commands wait for people. Nobody in the chain that asks can approve; every step is recorded."""


@app.command("list")
def list_open(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """List what waits, alike requests of one requester together, and what is approved and not used yet."""
    with desk_of(config) as desk:
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
    with desk_of(config) as desk:
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
    sign: Annotated[Path | None, typer.Option(help="Show the card, and sign it with this SSH key.")] = None,
    signature: Annotated[Path | None, typer.Option(help="A signature of what `statement` printed.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Approve one request, once. Exits with 75 while others have to approve it too."""
    who, signs = (name, secret_file, token), pen(sign, signature)
    _decide(config, request, "approve", who, group=group, reason=reason, signs=signs, as_json=as_json)


@app.command()
def statement(
    request: Request,
    name: Annotated[str, typer.Option("--as", help="Who will sign.")],
    group: Annotated[str, typer.Option(help="In whose name.")],
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print what approving a request signs, to sign it elsewhere: ssh-keygen -Y sign -n approval@interlock -f KEY."""
    with desk_of(config) as desk:
        seen = desk.show(request)
    said = seen.statement(group=group, by=name).decode()
    if as_json:
        emit_json(card_data(seen.lease, seen.card) | {"namespace": NAMESPACE, "statement": said})
        return
    show_card(seen.lease, seen.card, now())
    emit(said.removesuffix("\n"))


def _without_group(verdict: Verdict, about: str, *, by_operator: bool = False) -> None:
    def decide(
        request: Request,
        name: Name = None,
        secret_file: SecretFile = None,
        token: Token = None,
        reason: Why = None,
        as_json: AsJson = False,
        config: ConfigFile = DEFAULT_CONFIG,
    ) -> None:
        known = None if by_operator and not (name or token) else (name, secret_file, token)
        _decide(config, request, verdict, known, reason=reason, as_json=as_json)

    app.command(verdict, help=about)(decide)


_without_group("deny", "Deny one request, or take back an approval that is not used yet.")
_without_group(
    "withdraw",
    "End a request that you, or an agent of yours, made, or that you approved; without --as, as the operator.",
    by_operator=True,
)


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
    with desk_of(config) as desk:
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

    with desk_of(config) as desk:
        for step in desk.watch():
            data = {"what": step.what, "at": step.at // 1_000_000, "request": lease_data(step.lease)}
            emit(msgspec.json.encode(data).decode() if as_json else step_line(step.what, step.lease, step.at))
            _flush()


def _decide(
    config: Path,
    request: str,
    verdict: Verdict,
    who: Speaks | None,
    *,
    group: str | None = None,
    reason: str | None,
    signs: Pen | None = None,
    as_json: bool,
) -> None:
    with desk_of(config) as desk:
        known = None if who is None else identify(desk, who)
        signature = None
        with refusals():
            if signs is not None and known is not None:
                group, signature = signs.sign(desk, request, group, known)
            lease = desk.decide(request, verdict, group=group, reason=reason, signature=signature)
    if as_json:
        emit_json(lease_data(lease))
    else:
        say(quoted(step_line(_done(verdict, lease), lease, now())))
    _exit_by(lease)


def _done(verdict: Verdict, lease: Lease) -> str:
    if verdict == "approve":
        return "approved" if lease.pending else "granted"
    done: dict[Verdict, str] = {
        "deny": "denied",
        "withdraw": "withdrawn",
        "revoke": "revoked",
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
