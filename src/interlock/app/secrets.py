"""Secrets stay out of the configuration: they are read from the environment or from files nobody else can read."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from interlock.model import OurFault

_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP


class SecretUnavailable(OurFault):
    """A secret that is missing, empty, or readable by everybody."""


def read_secret(*, env: str | None, file: Path | None, environ: Mapping[str, str]) -> str:
    """The secret in the named variable or file, without a line end; SecretUnavailable says what is wrong."""
    if env is not None:
        value = environ.get(env, "")
        if not value:
            raise SecretUnavailable(f"the environment variable `{env}` is not set: set it where the gateway starts")
        return value
    if file is None:
        raise SecretUnavailable("no secret is configured: name an environment variable or a file")
    value = read_private(file).decode(errors="replace").rstrip("\r\n")
    if not value:
        raise SecretUnavailable(f"`{file}` is empty: write the secret into it")
    return value


def read_private(file: Path) -> bytes:
    """The bytes of a file that others can neither read nor write."""
    if (problem := exposure(file)) is not None:
        raise SecretUnavailable(problem)
    try:
        return file.read_bytes()
    except OSError as error:
        raise SecretUnavailable(f"`{file}` cannot be read ({error.strerror}): check the path and its owner") from error


def exposure(file: Path) -> str | None:
    """Why a secret file is not private, with the command that helps; None when it is."""
    try:
        mode = file.stat().st_mode
    except OSError as error:
        return f"`{file}` cannot be read ({error.strerror}): check the path and its owner"
    if mode & _OTHERS:
        return f"`{file}` is open to others (mode {stat.S_IMODE(mode):o}): run chmod 600 on it"
    return None


def write_private(file: Path, content: bytes) -> None:
    """A new file that only its owner can read. Never overwrites: FileExistsError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
