#!/usr/bin/env python3
"""Everything a developer runs, from a fresh clone with nothing but Python; each command does what is missing first."""

from __future__ import annotations  # an older Python must get as far as being told so

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

ROOT: Final = Path(__file__).resolve().parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
UV: Final = VENV / "bin" / "uv"
LOCK: Final = ROOT / "requirements.lock"
STAMP: Final = VENV / "interlock-setup"
OLDEST: Final = (3, 11)
_PROBE: Final = "import interlock, asyncpg, cryptography, msgspec"

HELP: Final = """\
usage: python3 dev.py COMMAND [arguments]

  demo [--keep]            watch an agent being guarded on a real PostgreSQL
  test [--nightly] [...]   lint, types, floors and tests; further arguments go to pytest
  lint                     the same without the tests
  format                   rewrite the code as ruff would
  bench [...]              measure Interlock beside PgBouncer and a direct connection
  setup                    only make or mend the environment in .venv
  wheel                    build what is installed in earnest in dist/, compiled where there is a C compiler
  lock                     resolve requirements.lock anew from pyproject.toml

`test` and `bench` take --compiled: what turns a text into effects then runs as C, in a copy under build/.

Every command sets up what is missing before it does its work; the second time that costs nothing."""

# What the tests use of Debian: the package, and a file that shows it is there.
DEBIAN: Final = {
    "postgresql-15": "/usr/lib/postgresql/15/bin/postgres",
    "postgresql-client-15": "/usr/lib/postgresql/15/bin/psql",
    "pgbouncer": "/usr/sbin/pgbouncer",
    "openssh-client": "/usr/bin/ssh-keygen",
    "golang-go": "/usr/bin/go",
    "golang-golang-x-mod-dev": "/usr/share/gocode/src/golang.org/x/mod",
}


class Stop(Exception):
    """Ends the program with a message for the person at the terminal."""


class Group(NamedTuple):
    """One part of the verdict: its name, what runs, and which exit codes are good."""

    name: str
    command: list[str | Path]
    good: frozenset[int] = frozenset({0})


class Result(NamedTuple):
    """How a group ended: None means that it was not run."""

    name: str
    passed: bool | None
    seconds: float


def ensure_environment() -> None:
    """Make .venv what requirements.lock and pyproject.toml say. Does nothing when it already is."""
    if sys.version_info < OLDEST:
        raise Stop(f"Interlock needs Python {OLDEST[0]}.{OLDEST[1]} or newer; this is {sys.version.split()[0]}")
    with _alone():
        wanted = _fingerprint()
        if _stamp() == wanted and _works(_PROBE):
            return
        _build()
        if not _works(_PROBE):
            # The installer believes what the venv says of itself; a venv that lies has to go.
            shutil.rmtree(VENV)
            _build()
        STAMP.write_text(wanted)


def _build() -> None:
    STAMP.unlink(missing_ok=True)
    if not _works("import pip"):
        _make_venv()
    if not UV.exists():
        _install_uv()
    with _step("installing the locked packages"):
        _install(["sync", "--require-hashes", str(LOCK)], ["--require-hashes", "-r", str(LOCK)])
    with _step("installing interlock"):
        own = ["--no-deps", "--no-build-isolation", "-e", str(ROOT)]
        _install(["install", *own], own)


@contextmanager
def _alone() -> Iterator[None]:
    """Two commands started at once must not both build .venv: the second waits, then finds it made."""
    descriptor = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fingerprint() -> str:
    inputs = [LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes(), os.fsencode(ROOT)]
    return hashlib.sha256(b"\0".join(inputs)).hexdigest()


def _stamp() -> str:
    try:
        return STAMP.read_text()
    except OSError:
        return ""


def _works(program: str) -> bool:
    """Whether .venv's Python runs and can do this: a moved clone or an upgraded Python leaves a venv that cannot."""
    try:
        return subprocess.run([PYTHON, "-c", program], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _make_venv() -> None:
    with _step("making .venv"):
        if VENV.is_symlink() or VENV.is_file():
            VENV.unlink()
        shutil.rmtree(VENV, ignore_errors=True)
        make = [sys.executable, "-m", "venv", str(VENV)]
        if subprocess.run(make, capture_output=True, check=False).returncode == 0:
            return
        # Debian ships Python without ensurepip, which venv needs.
        if not _apt_install(["python3-venv"]):
            raise Stop("this Python cannot make a virtual environment; on Debian: apt-get install python3-venv")
        _run(make)


def _install_uv() -> None:
    with _step("installing uv"):
        block = re.search(r"^uv==.*(?:\n[ ]+--hash.*)+", LOCK.read_text(), re.MULTILINE)
        if block is None:
            raise Stop("requirements.lock does not name uv; put it back with `python3 dev.py lock`")
        requirement = VENV / "uv-requirement.txt"
        requirement.write_text(block.group() + "\n")
        _run([PYTHON, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", requirement])


def _install(uv: list[str], pip: list[str]) -> None:
    """With uv, which takes seconds; with pip where uv cannot reach an index that only pip is configured for."""
    fast: list[str | Path] = [UV, "pip", uv[0], "--quiet", "--python", PYTHON, *uv[1:]]
    if subprocess.run(fast, capture_output=True, check=False, cwd=ROOT).returncode != 0:
        print("      uv could not; trying pip", flush=True)
        _run([PYTHON, "-m", "pip", "install", "--quiet", *pip])


def ensure_debian_packages() -> None:
    """Install what some tests need, if we may; else say which tests that costs and how to get them."""
    missing = [name for name, proof in DEBIAN.items() if not Path(proof).exists()]
    if not missing:
        return
    with _step(f"installing {', '.join(missing)}"):
        if _apt_install(missing):
            return
    print(f"      not installed: tests that need them are skipped. To have them: apt-get install {' '.join(missing)}")


def _apt_install(packages: Sequence[str]) -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "--quiet", *arguments], capture_output=True, text=True, check=False, env=environment
        )
        if done.returncode != 0:
            print(done.stderr.strip(), file=sys.stderr)
            return False
    return True


def lints() -> list[Group]:
    """The checks that read code and run none of it."""
    return [
        Group("lint", [PYTHON, "-m", "ruff", "check", "."]),
        Group("types", [PYTHON, "-m", "mypy"]),
        Group("floors", [PYTHON, VENV / "bin" / "lint-imports", "--no-logo"]),
    ]


def tests(arguments: Sequence[str]) -> list[Group]:
    """The tests, then those that measure: a neighbour on the same processor would spoil their numbers."""
    nightly = "--nightly" in arguments
    rest = [argument for argument in arguments if argument != "--nightly"]
    chosen = "" if nightly else " and not nightly"
    workers = [] if any(argument.startswith(("-n", "--pdb")) for argument in rest) else ["-n", str(_workers())]
    pytest: list[str | Path] = [PYTHON, "-m", "pytest"]
    nothing_collected = 5
    return [
        Group("tests", [*pytest, "-m", f"not alone{chosen}", *workers, *rest], frozenset({0, nothing_collected})),
        Group("measures", [*pytest, "-m", f"alone{chosen}", *rest], frozenset({0, nothing_collected})),
    ]


def _workers() -> int:
    return max(2, min(os.cpu_count() or 2, 4))


def judge(together: Sequence[Group], in_turn: Sequence[Group]) -> int:
    """Run the first groups at once, then the others until one fails. Prints a line each and returns the exit code."""
    results = _run_together(together)
    for group in in_turn:
        if any(result.passed is False for result in results):
            results.append(Result(group.name, None, 0.0))
            continue
        began = time.monotonic()
        code = subprocess.run(group.command, check=False, cwd=ROOT).returncode
        results.append(Result(group.name, code in group.good, time.monotonic() - began))
    print()
    for result in results:
        word = {True: "passed", False: "FAILED", None: "not run"}[result.passed]
        print(f"  {result.name:<10}{word:<9}{result.seconds:6.1f} s")
    return 1 if any(result.passed is False for result in results) else 0


def _run_together(groups: Sequence[Group]) -> list[Result]:
    began = time.monotonic()
    running = [
        (group, subprocess.Popen(group.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT))
        for group in groups
    ]
    results = []
    for group, process in running:
        output, _ = process.communicate()
        passed = process.returncode in group.good
        if not passed:
            print(f"--- {group.name}\n{output}", flush=True)
        results.append(Result(group.name, passed, time.monotonic() - began))
    return results


def setup(_arguments: Sequence[str]) -> int:
    """Only make the environment."""
    ensure_environment()
    print(f"ready: {PYTHON.relative_to(ROOT)}")
    return 0


def demo(arguments: Sequence[str]) -> int:
    """Become the demo."""
    ensure_environment()
    _become_module("demo", arguments)


def bench(arguments: Sequence[str]) -> int:
    """Become the benchmarks."""
    ensure_environment()
    ensure_debian_packages()
    _become_module("benchmarks", _perhaps_compiled(arguments))


def _perhaps_compiled(arguments: Sequence[str]) -> list[str]:
    """The other arguments; where --compiled is among them, everything from here on imports the compiled copy."""
    if "--compiled" in arguments:
        with _step("compiling what has changed"):
            _run([PYTHON, ROOT / "tools" / "compiled.py"])
        os.environ["PYTHONPATH"] = str(ROOT / "build" / "compiled" / "src")
    return [argument for argument in arguments if argument != "--compiled"]


def wheel(_arguments: Sequence[str]) -> int:
    """Build what is installed in earnest (ADR 0011)."""
    ensure_environment()
    with _step("building; where there is a C compiler that takes some minutes"):
        _run([PYTHON, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", ROOT / "dist", ROOT])
    newest = max((ROOT / "dist").glob("*.whl"), key=lambda path: path.stat().st_mtime)
    how = "plain Python: no C compiler, or no headers of Python" if newest.stem.endswith("-any") else "compiled"
    print(f"{newest.relative_to(ROOT)} ({how})")
    return 0


def lint(_arguments: Sequence[str]) -> int:
    """The checks without the tests."""
    ensure_environment()
    return judge(lints(), [])


def test(arguments: Sequence[str]) -> int:
    """The whole verdict."""
    ensure_environment()
    ensure_debian_packages()
    return judge(lints(), tests(_perhaps_compiled(arguments)))


def rewrite(_arguments: Sequence[str]) -> int:
    """Let ruff sort imports and lay out the code."""
    ensure_environment()
    return judge([], [Group("fixes", [*_RUFF, "check", "--fix", "."]), Group("format", [*_RUFF, "format", "."])])


def lock(arguments: Sequence[str]) -> int:
    """Resolve the lock for every platform, with hashes and without the address of any registry."""
    ensure_environment()
    quiet = ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    choice = ["--universal", "--python-version", "3.11", "--all-extras", "--generate-hashes"]
    _run([UV, "pip", "compile", *quiet, *choice, *arguments, "pyproject.toml", "--output-file", LOCK])
    print("requirements.lock is resolved; the next command installs it")
    return 0


_RUFF: Final[list[str | Path]] = [PYTHON, "-m", "ruff"]

COMMANDS: Final[dict[str, Callable[[Sequence[str]], int]]] = {
    "demo": demo,
    "test": test,
    "lint": lint,
    "format": rewrite,
    "bench": bench,
    "setup": setup,
    "wheel": wheel,
    "lock": lock,
}


def main(arguments: Sequence[str]) -> int:
    """Returns the exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(HELP)
        return 0 if arguments else 2
    command = COMMANDS.get(arguments[0])
    if command is None:
        print(f"there is no command `{arguments[0]}`\n\n{HELP}", file=sys.stderr)
        return 2
    try:
        return command(arguments[1:])
    except Stop as stop:
        print(f"dev.py: {stop}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


@contextmanager
def _step(what: str) -> Iterator[None]:
    began = time.monotonic()
    print(f"  --> {what}", flush=True)
    yield
    print(f"      {time.monotonic() - began:.1f} s", flush=True)


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()
        raise Stop(f"this failed: {' '.join(map(str, command))}\n{said}")


def _become_module(name: str, arguments: Sequence[str]) -> NoReturn:
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(PYTHON, [str(PYTHON), "-m", name, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
