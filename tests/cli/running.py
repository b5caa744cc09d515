"""The command line as people run it: a process of its own."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

INTERLOCK = Path(sys.executable).with_name("interlock")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a run ended: exit code, data, words."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        """The data, which must be JSON."""
        return json.loads(self.out)


def interlock(*arguments, cwd, environ=None, stdin=""):
    """Run `interlock` in `cwd`, on 80 columns, without what the caller's environment says about it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("INTERLOCK_", "PG"))}
    done = subprocess.run(
        [INTERLOCK, *arguments],
        cwd=cwd,
        env=kept | {"COLUMNS": "80"} | (environ or {}),
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(code=done.returncode, out=done.stdout, err=done.stderr)
