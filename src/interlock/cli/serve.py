"""`interlock serve`: run the gateway."""

from typing import Annotated

import typer

from interlock.cli.options import DEFAULT_CONFIG, ConfigFile
from interlock.cli.render import quoted, say

app = typer.Typer()


@app.command()
def serve(
    config: ConfigFile = DEFAULT_CONFIG,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes that share the connections.")] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP reloads configuration, policy and certificates."""
    from interlock.app.serve.supervisor import serve as run

    run(config.absolute(), say=lambda line: say(quoted(line)), workers=workers)
