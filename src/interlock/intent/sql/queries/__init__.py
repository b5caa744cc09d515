"""What stands inside a statement: expressions, names, sub-queries, views."""
