"""The gateway's own dealings with a target: logging in, asking, reading its catalogue."""
