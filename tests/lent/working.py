"""What clients do whichever way their session comes to its privileges."""

from typing import Any

import psycopg


def pipe_and_copy(session: "psycopg.Connection[Any]") -> None:
    """A hundred items in a pipeline (2001 to 2100, `piped`), and ten by COPY (3001 to 3010, `copied`)."""
    with session.pipeline():
        for number in range(2001, 2101):
            session.execute("INSERT INTO items (id, name, price) VALUES (%s, 'piped', 1)", (number,))
        counted = session.execute("SELECT count(*) FROM items WHERE name = 'piped'")
    assert counted.fetchone() == (100,)
    with session.cursor().copy("COPY items (id, name, price) FROM STDIN") as copy:
        for number in range(3001, 3011):
            copy.write_row((number, "copied", 2))
