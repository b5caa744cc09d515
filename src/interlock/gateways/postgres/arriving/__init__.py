"""From an accepted socket to a session that may begin: who calls, for what, and with which settings."""
