"""Programs that run under another account, and servers that end when we do."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, TypedDict

from interlock.model.faults import OurFault

# The server lives as long as our end of a pipe. A shell waits on the other end, in a session of its own, so that even
# a parent ended by SIGKILL leaves no server behind; `stopped` tells it that there is nothing left to do. It is forked
# twice: the postmaster must not find a child that it never made.
_LIFELINE: Final = """
binaries=$1 directory=$2 keep=$3
exec 3<&0 </dev/null
( (
    read -r word <&3
    [ "$word" = stopped ] && exit
    if [ -f "$directory/data/postmaster.pid" ]; then
        "$binaries/pg_ctl" stop -D "$directory/data" -m fast -t 20 >/dev/null 2>&1
    fi
    [ "$keep" = keep ] || rm -rf "$directory"
) & )
exec 3<&-
exec "$binaries/postgres" -D "$directory/data"
"""


class _Identity(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class Account:
    """Who runs the server: ourselves, or an unprivileged account in root's stead, because PostgreSQL refuses root."""

    def __init__(self, name: str | None = None) -> None:
        self._entry = _unprivileged(name) if os.geteuid() == 0 else None

    def own(self, path: Path) -> None:
        """Give the account a file or a folder."""
        if self._entry is not None:
            os.chown(path, self._entry.pw_uid, self._entry.pw_gid)

    def run(self, command: Sequence[str | Path], *, cwd: Path) -> None:
        """Run a program to its end. Raises OurFault with what it said if it failed."""
        done = subprocess.run(
            command, cwd=cwd, env=_environment(), capture_output=True, text=True, check=False, **self._identity()
        )
        if done.returncode != 0:
            raise OurFault(f"`{command[0]}` failed: {done.stderr.strip() or done.stdout.strip()}")

    def postmaster(self, binaries: Path, directory: Path, *, keep: bool, log: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a server on `directory`/data that ends with us. Unless `keep`, the directory then goes too."""
        return subprocess.Popen(
            ["/bin/sh", "-c", _LIFELINE, "interlock", binaries, directory, "keep" if keep else "remove"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=directory,
            env=_environment(),
            start_new_session=True,
            **self._identity(),
        )

    def _identity(self) -> _Identity:
        if self._entry is None:
            return {}
        return {"user": self._entry.pw_uid, "group": self._entry.pw_gid, "extra_groups": []}


def release(process: subprocess.Popen[bytes]) -> None:
    """Tell the lifeline of a server that has ended that there is nothing left to do."""
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.write(b"stopped\n")
            process.stdin.close()


def _unprivileged(name: str | None) -> pwd.struct_passwd:
    for candidate in (name,) if name else ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(candidate)
    raise OurFault(f"there is no account `{name or 'nobody'}` to run PostgreSQL as; name an existing one in `run_as`")


def _environment() -> dict[str, str]:
    """Ours without libpq's variables, in a language that messages can be matched in."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
