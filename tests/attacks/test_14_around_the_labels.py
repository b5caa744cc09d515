"""Threat 14: a labelled column is read by whatever brings its values out, under whatever name."""

import pytest

from interlock.wire.postgres.messages import build_bind, build_execute, build_parse, build_query, build_sync
from tests.attacks.bare import bare
from tests.attacks.wire import Wire, errors
from tests.stand import AGENT, Stand

VALUE = "@example.com"
WAYS = [
    "SELECT email FROM contacts",
    "SELECT * FROM contacts",
    "SELECT c FROM contacts c",
    "SELECT c.email FROM ONLY contacts AS c",
    "SELECT (c).email FROM contacts c",
    "SELECT email(c) FROM contacts c",
    "SELECT x.b FROM contacts AS x (a, b, c)",
    "SELECT row_to_json(contacts) FROM contacts",
    "SELECT to_jsonb(c) FROM contacts c",
    "SELECT json_agg(c)::text FROM contacts c",
    "SELECT contacts::text FROM contacts",
    "SELECT max(email) FROM contacts",
    "SELECT string_agg(email, ',') FROM contacts",
    "SELECT coalesce(NULL, email) FROM contacts",
    "SELECT CASE WHEN true THEN email END FROM contacts",
    "SELECT (SELECT email FROM contacts LIMIT 1)",
    "SELECT (ARRAY(SELECT email FROM contacts))[1]",
    "WITH w AS (SELECT email AS e FROM contacts) SELECT e FROM w",
    "SELECT x.* FROM contacts c, LATERAL (SELECT c.email) AS x",
    "SELECT email FROM contacts NATURAL JOIN (SELECT 1 AS id) AS one",
    "SELECT email FROM contacts UNION SELECT 'x'",
    "TABLE contacts",
    "SELECT copy FROM contacts",
    "SELECT email FROM contact_heirs",
    "SELECT copy FROM contact_heirs",
    "SELECT plain FROM contact_view",
    "SELECT * FROM contact_view",
    "SELECT kept FROM contact_kept",
    "SELECT format('%s', contact_view) FROM contact_view",
    "SELECT substring(email FROM 1) FROM contacts",
    "SELECT most_common_vals::text FROM pg_stats WHERE tablename = 'contact_stats'",
    "INSERT INTO contacts (id, email) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET id = contacts.id RETURNING email",
    "UPDATE contacts SET id = id WHERE id = 1 RETURNING email",
    "UPDATE contacts SET id = id WHERE id = 1 RETURNING *",
    "DELETE FROM contacts WHERE id = 1 RETURNING contacts",
    "UPDATE notes SET body = email FROM contacts WHERE notes.id = 1 AND contacts.id = 1 RETURNING body",
    "INSERT INTO notes SELECT id + 10, email FROM contacts RETURNING body",
    "SELECT CAST(email AS int) FROM contacts",
    "SELECT 1 / (SELECT email::int FROM contacts LIMIT 1)",
]
NEW = [
    "UPDATE contacts SET id = id WHERE id = 1 RETURNING old.email",
    "UPDATE contacts SET id = id WHERE id = 1 RETURNING WITH (OLD AS o) o.copy",
    "MERGE INTO contacts USING (SELECT 1 AS n) s ON id = n WHEN MATCHED THEN UPDATE SET id = 1 RETURNING email",
]


def revealed(stand: Stand, text: str) -> str:
    """Everything that the bare server says to a text."""
    with bare(stand) as server:
        server.execute("INSERT INTO notes VALUES (1, '')")
        server.execute("CREATE TABLE contact_stats AS SELECT n || '@example.com' AS e FROM generate_series(1, 5) n")
        server.execute("INSERT INTO contact_stats SELECT e FROM contact_stats")
        server.execute("ANALYZE contact_stats")
        result = server.pgconn.exec_(text.encode())
        found = [result.get_value(r, c) for r in range(result.ntuples) for c in range(result.nfields)]
        return result.error_message.decode() + str(found)


@pytest.mark.parametrize("text", WAYS + NEW)
def test_a_labelled_value_comes_out_by_no_way(stand: Stand, text: str) -> None:
    assert VALUE in revealed(stand, text)
    ways = [
        [build_query(text)],
        [build_parse("", text), build_bind("", ""), build_execute(""), build_sync()],
        [build_query(f"COPY ({text}) TO STDOUT")],
    ]
    with Wire(stand, AGENT) as wire:
        for messages in ways:
            wire.send(*messages)
            said = raw(wire)
            assert VALUE.encode() not in b"".join(said), (text, said)
            assert any(frame[:1] == b"E" for frame in said), (text, said)
        assert not errors(wire.ask(build_query("SELECT id FROM contacts WHERE id = 1")))


def raw(wire: Wire) -> list[bytes]:
    """Every frame until ReadyForQuery, error texts and notices included."""
    frames: list[bytes] = []
    while not frames or frames[-1][:1] != b"Z":
        kind, frame = wire.frame()
        assert kind, frames
        frames.append(frame)
    return frames
