"""What the stories' gateways stand before."""

from typing import Final

SMALL: Final = """
CREATE TABLE notes (id int PRIMARY KEY, body text);
CREATE TABLE items (id int PRIMARY KEY, name text);
INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 1000) AS n;
"""
