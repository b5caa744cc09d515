"""`interlock runbook`: statements that people approve in advance, by signature."""

import os
from pathlib import Path
from typing import Annotated

import typer

from interlock.access.faults import RunbookRefused
from interlock.access.runbooks import Signed, Whole, digest_of, read_draft, read_signed, sign, valid, write_signed
from interlock.app.clock import now
from interlock.app.config import Config, load_config
from interlock.app.ids import new_id
from interlock.app.journal import record_as_operator
from interlock.app.ledger import ledger_settings
from interlock.app.runbooks import (
    kept,
    place_of,
    private_key,
    require_sound,
    revoke as revoke_here,
    revoked_in,
    signers_of,
)
from interlock.app.secrets import read_private
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, writing
from interlock.cli.render import emit_json, part, quoted, say
from interlock.ledger.records import runbook_entry

app = typer.Typer(help="Approve statements in advance, by signature.", no_args_is_help=True)

_SECOND = 1_000_000


@app.callback()
def runbooks() -> None:
    """A runbook is a statement with holes. While what fills them fits, its signatures stand for approvals."""


@app.command("sign")
def sign_runbook(
    file: Annotated[Path, typer.Argument(help="A draft in TOML, or a runbook that others have signed.")],
    name: Annotated[str, typer.Option("--as", help="Who signs: a name of [runbooks.signers].")],
    key: Annotated[Path, typer.Option(help="Their private key, from `interlock token keygen`.")],
    group: Annotated[str, typer.Option(help="In whose name.")],
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Add one signature, and keep the runbook where gateways read it with their next reload. It is recorded."""
    settings = load_config(config)
    signed = require_sound(_read(file))
    place = place_of(settings.runbooks, signed.runbook)
    signed = _with_others(signed, place)
    made = sign(signed, by=name, group=group, key=private_key(read_private(key)))
    if name not in {one.by for one in valid(made, signers_of(settings.runbooks))}:
        raise RunbookRefused(f"`{name}` may not sign for `{group}` with this key: see [runbooks.signers]")
    _record(settings, "signed", made, by=name)
    with writing(place.parent):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.write_bytes(write_signed(made))
    if as_json:
        emit_json({"runbook": made.runbook.id, "file": str(place), "signed_by": [one.by for one in made.signatures]})
        return
    say(f"signed {quoted(made.runbook.id)} for {quoted(group)}, in {quoted(place)}; gateways read it when they reload")


@app.command("list")
def list_runbooks(as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """List what is signed, and what of it still holds."""
    settings = load_config(config)
    found = [_about(settings, signed) for _, signed in kept(settings.runbooks)]
    if as_json:
        emit_json(found)
        return
    for one in found:
        words = map(quoted, (one["runbook"], one["target"], one["title"]))
        say(f"[bold]{quoted(one['state'])}[/]  {'  '.join(words)}")
    if not found:
        say("nothing is signed in advance")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A signed runbook.")],
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say whose signatures hold. Exits with 77 where any does not, or it holds no more."""
    settings = load_config(config)
    signed = require_sound(read_signed(file.read_bytes()))
    about = _about(settings, signed)
    if as_json:
        emit_json(about)
    else:
        _show(signed, about)
    if about["state"] != "holds":
        raise typer.Exit(Exit.DENIED)


@app.command()
def revoke(
    runbook: Annotated[str, typer.Argument(help="Its id.")],
    reason: Annotated[str | None, typer.Option(help="Why; it is recorded.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """End a runbook for good, from the next command on; nothing under this id holds again. It is recorded."""
    settings = load_config(config)
    found = next((signed for _, signed in kept(settings.runbooks) if signed.runbook.id == runbook), None)
    if found is None:
        raise RunbookRefused(f"there is no runbook `{runbook}`: `interlock runbook list` shows them")
    revoke_here(settings.runbooks.directory, runbook)
    _record(settings, "revoked", found, by=f"uid:{os.getuid()}", reason=reason)
    if as_json:
        emit_json({"runbook": runbook, "state": "revoked"})
        return
    say(f"revoked {quoted(runbook)}")


def _read(file: Path) -> Signed:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunbookRefused(f"`{file}` cannot be read: {error}") from error
    return Signed(runbook=read_draft(text)) if file.suffix == ".toml" else read_signed(text)


def _with_others(signed: Signed, place: Path) -> Signed:
    """What others have signed already; a changed text has lost all signatures."""
    if signed.signatures or not place.exists():
        return signed
    before = read_signed(place.read_bytes())
    return before if before.runbook == signed.runbook else signed


def _about(settings: Config, signed: Signed) -> dict[str, object]:
    runbook = signed.runbook
    counting = valid(signed, signers_of(settings.runbooks))
    state = "holds"
    if runbook.id in revoked_in(settings.runbooks.directory)():
        state = "revoked"
    elif now() // _SECOND >= runbook.expires_at:
        state = "expired"
    elif len(counting) < len(signed.signatures) or not counting:
        state = "not signed"
    return {
        "runbook": runbook.id,
        "state": state,
        "title": runbook.title,
        "target": runbook.target,
        "environment": runbook.environment,
        "digest": digest_of(runbook),
        "expires_at": runbook.expires_at,
        "signatures": [{"by": one.by, "group": one.group, "holds": one in counting} for one in signed.signatures],
    }


def _show(signed: Signed, about: dict[str, object]) -> None:
    runbook = signed.runbook
    say(f"[bold]runbook {quoted(runbook.id)}[/]  {quoted(about['state'])}")
    part("title", [quoted(runbook.title)])
    part("target", [quoted(f"{runbook.target} ({runbook.environment})")])
    part("statement", [quoted(runbook.text)])
    holes = [
        f"${at}: {p.least:,} to {p.most:,}" if isinstance(p, Whole) else f"${at}: {' | '.join(p.one_of)}"
        for at, p in enumerate(runbook.parameters, 1)
    ]
    part("holes", [quoted(line) for line in holes] or ["none"])
    part("for", [quoted(", ".join(runbook.groups))])
    part("rows", ["not bounded" if runbook.rows is None else f"at most {runbook.rows:,}, where they are measured"])
    part("signed by", [quoted(f"{one.by} for {one.group}") for one in signed.signatures] or ["nobody"])


def _record(settings: Config, verdict: str, signed: Signed, *, by: str, reason: str | None = None) -> None:
    entry = runbook_entry(
        id=new_id(),
        at=now(),
        runbook=signed.runbook.id,
        digest=digest_of(signed.runbook),
        verdict=verdict,
        by=by,
        uid=os.getuid(),
        reason=reason,
    )
    record_as_operator(ledger_settings(settings), [entry], new_id=new_id, now=now)
