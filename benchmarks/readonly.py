"""What it costs that reads run READ ONLY: alone nothing, in a client's transaction a savepoint around each."""

from pathlib import Path

import psycopg

from benchmarks.stage import DATABASE, Bench
from benchmarks.statements import COLUMNS, compare
from benchmarks.table import Table

_READS = 5  # in one transaction
_PLAIN = "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;\n"
_CODE = "SELECT unchanged(abalance) FROM pgbench_accounts WHERE aid = 4711;\n"
SCRIPTS = {
    "a read": _PLAIN,
    "a read that calls code": _CODE,
    f"{_READS} reads in a transaction": f"BEGIN;\n{_PLAIN * _READS}COMMIT;\n",
    f"{_READS} such calls in a transaction": f"BEGIN;\n{_CODE * _READS}COMMIT;\n",
}
NOTES = """\
simple protocol, 8 clients, texts seen before; per s: transactions. Stored code is
confined for a person: SAVEPOINT, SET LOCAL transaction_read_only, RELEASE."""


def measure(bench: Bench) -> Table:
    with psycopg.connect(bench.server.dsn(DATABASE), autocommit=True) as superuser:
        superuser.execute(
            "CREATE OR REPLACE FUNCTION public.unchanged(n int) RETURNS int LANGUAGE sql STABLE AS 'SELECT n'"
        )
    table = Table(title="Reads, and the wall around them", columns=COLUMNS, notes=NOTES)
    for about, text in SCRIPTS.items():
        script = Path(bench.directory, about.replace(" ", "-") + ".sql")
        script.write_text(text, encoding="utf-8")
        compare(table, bench, bench.plain, about, f"--file={script}", "--protocol=simple", clients=8)
    return table
