"""Lines to copy while the demo stays up."""

import shutil
import sys

from demo.stage import AGENT, INTERLOCK, TARGET, Stage

LINES = """\
The shop and the gateway stay up until Ctrl-C. Nothing of it outlives them.

  psql, as the agent:

    {psql} "host=localhost port={port} dbname={target} user={agent} password={password} {tls}"

  Python, with asyncpg or psycopg:

    {python} - <<'EOF'
    import asyncio, asyncpg
    async def main():
        db = await asyncpg.connect("{url}")
        print(await db.fetch("SELECT status, count(*) FROM orders GROUP BY status"))
        await db.execute("DELETE FROM orders WHERE 1 = 1")
    asyncio.run(main())
    EOF

    {python} - <<'EOF'
    import psycopg
    with psycopg.connect("{url}") as db:
        print(db.execute("SELECT status, count(*) FROM orders GROUP BY status").fetchall())
        db.execute("DROP TABLE customers CASCADE")
    EOF

  What was decided, what waits for somebody, and what would be decided:

    {interlock} ledger show --config {config}
    {interlock} approvals list --config {config}
    {interlock} explain "DELETE FROM orders" --as {agent} --target {target} --config {config}

  The database itself, as its superuser:

    {psql} "{direct}"
"""


def lines_to_copy(stage: Stage) -> str:
    """How to reach everything, by psql and from Python."""
    return LINES.format(
        password=stage.password,
        python=sys.executable,
        psql="psql" if shutil.which("psql") else stage.server.binary("psql"),
        port=stage.port,
        target=TARGET,
        agent=AGENT,
        tls=f"sslmode=verify-full sslrootcert={stage.authority}",
        url=stage.url,
        interlock=INTERLOCK,
        config=stage.config,
        direct=stage.server.dsn(TARGET),
    )
