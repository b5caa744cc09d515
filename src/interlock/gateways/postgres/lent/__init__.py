"""Privileges that a session holds for one command: lent, taken back, swept up."""
