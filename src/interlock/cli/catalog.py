"""`interlock catalog dump`: save a target's catalogue, to explain statements where the target is out of reach."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from interlock.app.config import load_config
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, writing
from interlock.cli.render import emit, emit_json, quoted, say

app = typer.Typer(help="Save a target's catalogue, to explain statements offline.", no_args_is_help=True)


@app.callback()
def catalogs() -> None:
    """What the gateway knows of a target: names, keys, code. No row of any table is in it."""


@app.command()
def dump(
    target: Annotated[str, typer.Option("--target", "-t", help="The target, as the configuration names it.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; stdout without it.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the target's catalogue into a file. `interlock explain --catalog` reads it."""
    from interlock.app.catalogs import read_catalog

    catalog = asyncio.run(read_catalog(load_config(config), target))
    data = catalog.to_json()
    if output is None:
        emit(data.decode())
        return
    with writing(output):
        output.write_bytes(data)
    relations = sum(1 for _ in catalog.all_relations())
    if as_json:
        emit_json({"file": str(output), "target": target, "epoch": catalog.epoch, "relations": relations})
    else:
        say(f"{quoted(output)}: {relations} relations of {quoted(target)}, epoch {catalog.epoch[:12]}")
