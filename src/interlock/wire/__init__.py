"""Bytes and messages of each protocol, without sockets: events in, bytes out."""
