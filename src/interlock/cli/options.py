"""Options that several commands share, so that they are spelled and explained once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from interlock.model import CallerFault

ConfigFile = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="INTERLOCK_CONFIG", help="The configuration file.", show_default=True),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout instead of words on stderr.")]

DEFAULT_CONFIG = Path("interlock.toml")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """What is written to a place that the caller named: that it cannot be is a fault with the place in it."""
    try:
        yield
    except OSError as error:
        at = error.filename or place
        raise CallerFault(f"`{at}` cannot be written ({error.strerror}): name another place") from error


def named(name: str | None) -> str | None:
    """An argument that says something if it is there: an empty one is a variable that was not set."""
    if name is not None and not name.strip():
        raise typer.BadParameter("it is empty; name something")
    return name
