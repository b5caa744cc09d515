"""`interlock init`: from a database URL to a set-up that `interlock serve` runs."""

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from interlock.access.keys import SEED_BYTES
from interlock.access.verifier import derive_verifier
from interlock.app.clock import now
from interlock.app.config import load_config
from interlock.app.config.values import SHIPPED_PACKS
from interlock.app.credentials import SALT_BYTES
from interlock.app.setup import CONFIG_NAME, Plan, password_variable, read_url, write_setup
from interlock.cli.options import AsJson, writing
from interlock.cli.principal import make_password
from interlock.cli.render import emit_json, heading, quoted, say, steps, words

app = typer.Typer()


@app.command()
def init(
    url: Annotated[str | None, typer.Option(help="The database: postgresql://user:password@host:port/database")] = None,
    directory: Annotated[Path, typer.Option("--dir", help="Where interlock.toml goes.")] = Path("."),
    target: Annotated[str | None, typer.Option(help="A name for it. [default: that of the database]")] = None,
    environment: Annotated[str, typer.Option(help="What it is to you: production, staging, ...")] = "production",
    pack: Annotated[str, typer.Option(help=f"The policy pack: {', '.join(SHIPPED_PACKS)}.")] = "production",
    agent: Annotated[str, typer.Option(help="The first principal that may log in.")] = "agent",
    person: Annotated[str | None, typer.Option(help="Whom it acts for. [default: you]")] = None,
    as_json: AsJson = False,
) -> None:
    """Write a commented interlock.toml for a database, with keys, a certificate and a first principal."""
    if url is None:
        if not sys.stdin.isatty():
            raise typer.BadParameter("name the database: --url postgresql://user:password@host:port/database")
        url = typer.prompt("Database URL", err=True)
    place, password = read_url(url), make_password()
    plan = Plan(
        place=place,
        target=target or place.target,
        environment=environment,
        pack=pack,
        agent=agent,
        person=person or getpass.getuser(),
        verifier=derive_verifier(password, salt=os.urandom(SALT_BYTES)),
    )
    with writing(directory):
        authority = write_setup(directory, plan, seed=os.urandom(SEED_BYTES), now=now())
    listen = load_config(directory / CONFIG_NAME).gateway.listen
    client = f"postgresql://{agent}@localhost:{listen.port}/{plan.target}?sslmode=verify-full&sslrootcert={authority}"
    if as_json:
        emit_json({"config": str(directory / CONFIG_NAME), "url": client, "user": agent, "password": password})
        return
    say(f"wrote [bold]{quoted(directory / CONFIG_NAME)}[/] for target [bold]{quoted(plan.target)}[/]")
    words().print(f"password of {quoted(agent)}, shown once: [bold]{password}[/]", soft_wrap=True)
    heading("next")
    option = "" if directory == Path(".") else f" --config {directory / CONFIG_NAME}"
    lines = [
        (
            "let the database's administrator prepare the gateway's role:",
            f"interlock target prepare {plan.target}{option}",
        ),
        ("check everything, the way around the gateway included:", f"interlock doctor{option}"),
        ("run the gateway:", f"interlock serve{option}"),
        ("and connect with any PostgreSQL client:", f'psql "{client}"'),
    ]
    if place.password is None:
        lines.insert(0, ("set the password of the gateway's role:", f"export {password_variable(plan)}=..."))
    steps(lines)
