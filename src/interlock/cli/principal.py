"""`interlock principal`: a verifier to put into the configuration in place of a password."""

import os
import secrets
from typing import Annotated

import typer

from interlock.access.verifier import derive_verifier
from interlock.app.credentials import SALT_BYTES
from interlock.cli.options import AsJson, named
from interlock.cli.render import emit, emit_json, quoted, say

app = typer.Typer(help="Make passwords and verifiers for principals.", no_args_is_help=True)

_PASSWORD_BYTES = 24


@app.callback()
def principals() -> None:
    """The configuration holds verifiers: enough to check a password, not enough to log in with."""


@app.command()
def verifier(
    name: Annotated[str, typer.Argument(help="The principal, as clients will name it as their user.", callback=named)],
    ask: Annotated[bool, typer.Option("--ask", help="Ask for the password instead of making one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a principal's lines of interlock.toml. A password that is made here is shown once."""
    password = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True) if ask else make_password()
    made = derive_verifier(password, salt=os.urandom(SALT_BYTES))
    if as_json:
        emit_json({"name": name, "verifier": str(made), "password": None if ask else password})
        return
    emit(f'[principals."{name}"]\nverifier = "{made}"')
    if not ask:
        say(f"[bold]password of {quoted(name)}:[/] {password}   [dim](shown once; it is kept nowhere)[/]")


def make_password() -> str:
    """192 random bits in letters, digits, `-` and `_`: it needs no quoting in a URL or a shell."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)
