"""Record what real clients send: run them against the shop of tests/corpus with log_statement=all, keep each text once.

    .venv/bin/python -m tests.corpus.recording.record psql tests/corpus/traffic
    .venv/bin/python -m tests.corpus.recording.record sqlalchemy tests/corpus/traffic
    .venv/bin/python -m tests.corpus.recording.record django tests/corpus/traffic --python VENV/bin/python
    .venv/bin/python -m tests.corpus.recording.record jdbc tests/corpus/traffic --jar postgresql.jar

Django and the JDBC driver are no dependencies: they come from a throw-away environment and from a package. What is
written is a corpus in the form of lookalikes.txt; tags on its blocks are set by hand (tests/corpus/test_traffic.py).
"""

import argparse
import json
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg

from interlock.app.embedded import EmbeddedPostgres

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
WORLD = (ROOT / "tests/corpus/world.sql", ROOT / "tests/differential/world_rows.sql")
DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
SETTINGS = {
    "fsync": "off",
    "logging_collector": "on",
    "log_destination": "jsonlog",
    "log_statement": "all",
    "log_min_duration_statement": "-1",
}
_MESSAGE = re.compile(r"(?:statement|execute [^:]*): (.*)", re.DOTALL)
_CURSOR = re.compile(r"_django_curs_\d+_sync_\d+|\bc_[0-9a-f]{6,}_\d+")
Client = Callable[[EmbeddedPostgres, argparse.Namespace], None]


def psql(server: EmbeddedPostgres, asked: argparse.Namespace) -> None:
    """Every shorthand of psql.txt, then what the tab key asks for."""
    lines = (HERE / "psql.txt").read_text().splitlines()
    commands, keys = lines[: lines.index("")], lines[lines.index("") + 1 :]
    for command in commands:
        called = [str(server.binary("psql")), "-X", "-q", "-d", server.dsn("world"), "-c", command]
        subprocess.run(called, check=False, capture_output=True, timeout=60)
    tab(server.dsn("world"), keys)


def tab(dsn: str, keys: list[str]) -> None:
    """Type each line into a psql with readline and press tab twice; nothing is sent off."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ |= {"TERM": "dumb", "PAGER": "cat", "INPUTRC": "/dev/null"}
        os.execv(DEBIAN_15 / "psql", ["psql", "-X", "-d", dsn])
    settle(terminal)
    for line in keys:
        for piece in (line.encode(), b"\t", b"\t", b"\x15"):  # C-u takes the line back
            os.write(terminal, piece)
            settle(terminal)
    os.write(terminal, b"\\q\n")
    settle(terminal)
    os.close(terminal)
    os.waitpid(child, 0)


def settle(terminal: int) -> None:
    """Read until nothing more comes for a while."""
    while select.select([terminal], [], [], 0.4)[0]:
        try:
            if not os.read(terminal, 65_536):
                return
        except OSError:
            return


def sqlalchemy(server: EmbeddedPostgres, asked: argparse.Namespace) -> None:
    """Run with_sqlalchemy.py."""
    url = server.dsn("world").replace("postgresql://", "postgresql+psycopg://")
    subprocess.run([asked.python, HERE / "with_sqlalchemy.py", url], check=True, timeout=300)


def django(server: EmbeddedPostgres, asked: argparse.Namespace) -> None:
    """Run with_django.py."""
    known = {"HOST": str(server.socket_dir), "PORT": str(server.port), "PASSWORD": server.password}
    subprocess.run([asked.python, HERE / "with_django.py", json.dumps(known)], check=True, timeout=300)


def jdbc(server: EmbeddedPostgres, asked: argparse.Namespace) -> None:
    """Run WithJdbc.java as a single file."""
    url = f"jdbc:postgresql://127.0.0.1:{server.port}/world?user=postgres&password={server.password}"
    subprocess.run(["java", "-cp", asked.jar, HERE / "WithJdbc.java", url], check=True, timeout=300)


CLIENTS: dict[str, Client] = {"psql": psql, "sqlalchemy": sqlalchemy, "django": django, "jdbc": jdbc}


def logged(server: EmbeddedPostgres) -> Iterator[str]:
    """The texts of the log, in order."""
    for file in sorted((server.directory / "data" / "log").glob("*.json")):
        for line in file.read_text("utf-8").splitlines():
            entry = json.loads(line)
            found = _MESSAGE.fullmatch(entry.get("message", "")) if entry.get("dbname") == "world" else None
            if found:
                yield found[1]


def recorded(client: Client, version: int, asked: argparse.Namespace) -> list[str]:
    """What one client sends to one server."""
    with EmbeddedPostgres(DEBIAN_15 if version == 15 else None, settings=SETTINGS, tcp=True) as server:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("CREATE DATABASE world TEMPLATE template0")
        with psycopg.connect(server.dsn("world"), autocommit=True) as connection:
            for file in WORLD:
                connection.execute(file.read_bytes())
        before = len(list(logged(server)))
        client(server, asked)
        time.sleep(1)  # the log is written behind the answers
        return list(logged(server))[before:]


def block(text: str, client: str, version: int) -> str:
    """A block of a corpus: no empty lines inside, no line that reads like a reason."""
    lines = [line.rstrip() for line in text.strip().removesuffix(";").splitlines() if line.strip()]
    return f"# {client}, server {version}\n" + "\n".join(lines) + "\n"


def joined(texts: list[str]) -> list[str]:
    """Cursors under a name that is the same each time, and what is fetched from them behind what declares them."""
    kept: list[str] = []
    for text in texts:
        plain = _CURSOR.sub("cursor_1", text)
        if kept and plain.startswith(("FETCH ", "MOVE ", "CLOSE ")) and "DECLARE " in kept[-1]:
            kept[-1] = f"{kept[-1].rstrip().removesuffix(';')};\n{plain}"
        else:
            kept.append(plain)
    return kept


def main() -> None:
    """Write DIRECTORY/CLIENT.txt."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("client", choices=sorted(CLIENTS))
    parser.add_argument("directory", type=Path)
    parser.add_argument("--python", default=str(ROOT / ".venv/bin/python"))
    parser.add_argument("--jar", default="")
    asked = parser.parse_args()
    seen: dict[str, str] = {}
    for version in (18, 15):
        for text in joined(recorded(CLIENTS[asked.client], version, asked)):
            written = block(text, asked.client, version)
            seen.setdefault(written.partition("\n")[2], written)
    (asked.directory / f"{asked.client}.txt").write_text("\n".join(seen.values()), "utf-8")


if __name__ == "__main__":
    main()
