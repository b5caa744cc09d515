"""Interlock: every command is understood, judged and recorded before it reaches its target."""
