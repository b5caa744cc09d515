"""`interlock token`: keys for tokens, tokens, what is in one, and what is no longer believed."""

import os
import re
from pathlib import Path
from typing import Annotated

import typer

from interlock.access.keys import SEED_BYTES, key_id, load_signing_key, make_keypair
from interlock.access.revocation import Revocation, SubjectRevoked, TokenRevoked, write_revocation
from interlock.access.tokens import mint, verify
from interlock.app.clock import now, parse_duration
from interlock.app.config import ConfigFault, TokensConfig, load_config
from interlock.app.credentials import revocation_list, token_terms
from interlock.app.ids import new_id
from interlock.app.secrets import read_private, write_private
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, named, writing
from interlock.cli.render import emit, emit_json, quoted, say
from interlock.model import Principal, PrincipalKind

app = typer.Typer(help="Mint, inspect and revoke short-lived tokens.", no_args_is_help=True)

_MICROSECONDS = 1_000_000
_KEY_NAME = re.compile(r"[A-Za-z0-9_-]+")  # what TOML takes as a key without quotes


def _duration(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.callback()
def tokens() -> None:
    """Tokens say who acts, for whom and what for; clients send them as their password, inside TLS."""


@app.command("mint")
def mint_token(
    sub: Annotated[str, typer.Option(help="Who answers for it: the person or service at the root.")],
    act: Annotated[list[str] | None, typer.Option(help="Who acts for it; repeat for a chain, the latest last.")] = None,
    kind: Annotated[
        PrincipalKind | None, typer.Option(help="Kind of whoever acts. [default: agent with --act]")
    ] = None,
    root_kind: Annotated[PrincipalKind, typer.Option(help="Kind of --sub when somebody acts for it.")] = (
        PrincipalKind.PERSON
    ),
    group: Annotated[list[str] | None, typer.Option(help="A group of --sub; repeat for more.")] = None,
    act_group: Annotated[list[str] | None, typer.Option(help="A group of whoever acts; repeat for more.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What for: policies and the ledger see it.")] = None,
    ttl: Annotated[
        int | None, typer.Option(parser=_duration, metavar="DURATION", help="Such as 15m. [default: max_lifetime]")
    ] = None,
    target: Annotated[list[str] | None, typer.Option(help="Only for this target; repeat for more.")] = None,
    amr: Annotated[list[str] | None, typer.Option(help="How --sub proved who it is (RFC 8176), such as mfa.")] = None,
    key: Annotated[Path | None, typer.Option(help="The private key. [default: signing_key of [tokens]]")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print a signed token. Example: --sub ana --act shop-agent --purpose analysis --ttl 15m --target shop"""
    settings = _settings(config)
    file = key or settings.signing_key
    if file is None:
        raise typer.BadParameter("name the private key: --key FILE, or signing_key in [tokens]")
    signing = load_signing_key(read_private(file))
    kid = _kid_of(key_id(signing), settings, file)
    identity, at, lifetime = new_id(), now(), ttl or int(settings.max_lifetime)
    principal = _chain(sub, act or [], kind, root_kind, group or [], act_group or [], settings.issuer)
    text = mint(
        principal,
        id=identity,
        audience=settings.audience,
        now=at,
        lifetime=lifetime,
        key=signing,
        kid=kid,
        purpose=purpose,
        targets=target,
        amr=amr or (),
    )
    if lifetime > settings.max_lifetime:
        longest = settings.max_lifetime
        say(f"[yellow]warning:[/] max_lifetime in {quoted(config)} is {longest} s: its gateway refuses this token")
    if as_json:
        emit_json({"token": text, "id": identity, "expires_at": at // _MICROSECONDS + lifetime})
    else:
        emit(text)
        say(f"[dim]id {identity}, for {lifetime} s; `interlock token revoke ID` ends it[/]")


def _kid_of(name: str, settings: TokensConfig, file: Path) -> str:
    kid = next((kid for kid, public in token_terms(settings).keys.items() if key_id(public) == name), None)
    if kid is None:
        raise typer.BadParameter(f"the public half of `{file}` is not in [tokens.keys]: no gateway would believe it")
    return kid


@app.command()
def inspect(
    token: Annotated[str, typer.Argument(help="The token, or - to read it from stdin.")],
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say what a token says, if it is believed. Else say why this configuration's gateway does not."""
    settings = _settings(config)
    text = typer.get_text_stream("stdin").read() if token == "-" else token
    passed = verify(text.strip(), terms=token_terms(settings), now=now(), revoked=revocation_list(settings))
    chain = [{"id": p.id, "kind": p.kind, "groups": sorted(p.groups)} for p in passed.principal.chain()]
    if as_json:
        emit_json(
            {
                "id": passed.id,
                "chain": chain,
                "purpose": passed.purpose,
                "targets": None if passed.targets is None else sorted(passed.targets),
                "expires_at": passed.expires_at // _MICROSECONDS,
            }
        )
        return
    left = (passed.expires_at - now()) // _MICROSECONDS
    say(f"token    {quoted(passed.id)}, believed for another {left} s")
    for place, actor in zip(["acts", *["for"] * len(chain)], passed.principal.chain(), strict=False):
        groups = f" ({', '.join(sorted(actor.groups))})" if actor.groups else ""
        say(f"{place:<8} {quoted(actor.id)}, {actor.kind}{quoted(groups)}")
    say(f"purpose  {quoted(passed.purpose or 'not stated')}")
    say(f"targets  {quoted('every target' if passed.targets is None else ', '.join(sorted(passed.targets)))}")


@app.command()
def revoke(
    token: Annotated[
        str | None, typer.Argument(help="The id of one token, as mint and inspect print it.", callback=named)
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="Everything issued until now in whose chain this name is.", callback=named)
    ] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """End a token, or all tokens of a subject, before their time. Nothing takes it back."""
    if (token is None) == (subject is None):
        raise typer.BadParameter("name either the id of a token or --subject NAME")
    settings, at = _settings(config), now() // _MICROSECONDS
    entry: Revocation
    if subject is not None:
        entry = SubjectRevoked(id=subject, at=at)
    elif token is not None:
        entry = TokenRevoked(id=token, at=at)
    revocation_list(settings)  # a damaged list would swallow what is appended to it
    _append(settings.revocations, write_revocation(entry))
    if as_json:
        emit_json({"token": token, "subject": subject, "at": at, "list": str(settings.revocations)})
        return
    say(f"revoked {quoted(subject or token)}; gateways follow when they read {quoted(settings.revocations)} again")


@app.command()
def keygen(
    name: Annotated[str, typer.Argument(help="The key id, and the name of both files.")] = "tokens",
    directory: Annotated[Path, typer.Option("--dir", help="Where the two files go.")] = Path("."),
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key pair. NAME.key mints and stays with you, NAME.pub goes to the gateways."""
    private, public = make_keypair(os.urandom(SEED_BYTES))
    secret, shared = directory / f"{name}.key", directory / f"{name}.pub"
    if not _KEY_NAME.fullmatch(name):
        raise typer.BadParameter(f"`{name}` is no name for a key: use letters, digits, `-` and `_`; --dir says where")
    for file in (secret, shared):
        if file.exists():
            raise typer.BadParameter(f"`{file}` exists: choose another name, for a key is never overwritten")
    with writing(directory):
        write_private(secret, private)
        shared.write_bytes(public)
    if as_json:
        emit_json({"name": name, "private_key": str(secret), "public_key": str(shared)})
        return
    say(f"private key  {quoted(secret)} (keep it where tokens are minted)")
    say(f"public key   {quoted(shared)}; in interlock.toml:")
    emit(f'[tokens.keys]\n{name} = "{shared}"')


def _settings(config: Path) -> TokensConfig:
    settings = load_config(config).tokens
    if settings is None:
        raise ConfigFault(
            config.name, [(1, "there is no [tokens]: add issuer, audience and keys, see `interlock init`")]
        )
    return settings


def _chain(
    sub: str,
    actors: list[str],
    kind: PrincipalKind | None,
    root_kind: PrincipalKind,
    groups: list[str],
    actor_groups: list[str],
    issuer: str,
) -> Principal:
    """The principal that acts; `kind` is that of the last actor, or of `sub` where nobody acts for it."""
    alone = not actors
    principal = Principal(
        id=sub,
        kind=kind or PrincipalKind.PERSON if alone else root_kind,
        issuer=issuer,
        groups=frozenset(groups),
    )
    for number, actor in enumerate(actors, start=1):
        last = number == len(actors)
        principal = Principal(
            id=actor,
            kind=(kind if last else None) or PrincipalKind.AGENT,
            issuer=issuer,
            groups=frozenset(actor_groups if last else ()),
            on_behalf_of=principal,
        )
    return principal


def _append(file: Path, line: bytes) -> None:
    """Whole lines only, on disk when this returns: a revocation must not be lost to a power cut."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as output:
        output.write(line)
        output.flush()
        os.fsync(output.fileno())
