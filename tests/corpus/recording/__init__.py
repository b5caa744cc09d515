"""Runs real clients and keeps what they send."""
