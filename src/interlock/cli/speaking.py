"""Who speaks to a running gateway on the command line, and how that is proven."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from interlock.access.faults import ApprovalRefused
from interlock.app.approvals.client import Desk
from interlock.app.approvals.messages import Welcome
from interlock.app.config import load_config
from interlock.app.secrets import read_private
from interlock.cli.exits import Exit
from interlock.cli.render import complain
from interlock.model import CallerFault

Name = Annotated[
    str | None,
    typer.Option("--as", envvar="INTERLOCK_PRINCIPAL", help="Who speaks: a principal of the configuration."),
]
SecretFile = Annotated[Path | None, typer.Option(help="Where its secret is. [default: INTERLOCK_SECRET, or asked for]")]
Token = Annotated[str | None, typer.Option(envvar="INTERLOCK_TOKEN", help="A signed token instead; - reads stdin.")]
Why = Annotated[str | None, typer.Option(help="Why; it is recorded.")]
Speaks = tuple[str | None, Path | None, str | None]


def desk_of(config: Path) -> Desk:
    """A conversation with the gateway of a configuration. Raises GatewaySilent."""
    return Desk(load_config(config).approvals.socket)


@contextmanager
def refusals() -> Iterator[None]:
    """What is not the caller's to decide ends the command with 77, and why."""
    try:
        yield
    except ApprovalRefused as refused:
        complain(str(refused))
        raise typer.Exit(Exit.DENIED) from None


def identify(desk: Desk, who: Speaks) -> Welcome:
    """Prove who speaks: name, secret file, token. Raises CallerFault where nobody is named."""
    name, secret_file, token = who
    if token is not None:
        return desk.present((typer.get_text_stream("stdin").read() if token == "-" else token).strip())
    if name is not None:
        return desk.be(name, _secret(name, secret_file))
    raise CallerFault("say who you are: --as NAME with its secret, or --token")


def _secret(name: str, file: Path | None) -> str:
    if file is not None:
        return read_private(file).decode().rstrip("\r\n")
    found: str = os.environ.get("INTERLOCK_SECRET") or typer.prompt(f"secret of {name}", hide_input=True, err=True)
    return found
