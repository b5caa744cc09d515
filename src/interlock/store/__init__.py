"""Where records are kept: SQLite here; a store on a shared PostgreSQL would stand beside it, independent on purpose."""
