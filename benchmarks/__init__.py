"""What measures Interlock: beside PgBouncer and a direct connection, and its parts alone."""
