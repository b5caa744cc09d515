"""Trees of queries and expressions as the server keeps them (nodes/outfuncs.c): lists, and dicts of their fields."""

import re
from typing import TypeAlias

# `{NAME :key value}` has its name under "". What is empty is left out; the bytes of a constant are a list of numbers.
Kept: TypeAlias = "str | list[Kept] | dict[str, Kept]"
KeptNode: TypeAlias = dict[str, Kept]
_TOKEN = re.compile(r"[(){}\[\]]|(?:[^\s(){}\[\]\\]|\\.)+", re.DOTALL)
_NULL = "<>"  # a name of these two letters has a backslash in front


class Unreadable(Exception):
    """The tree holds what this module does not know."""


def read_kept(text: str) -> Kept:
    """The tree as lists and dicts: `{NAME :key value}` has its name under ""."""
    root: list[Kept] = []
    stack = [root]
    for token in _TOKEN.findall(text):
        if token in "({[":
            stack.append([])
        elif token in ")}]":
            if len(stack) < 2:
                raise Unreadable
            closed = stack.pop()
            stack[-1].append(_fields(closed) if token == "}" else closed)
        else:
            stack[-1].append(token)
    if len(stack) != 1 or len(root) != 1:
        raise Unreadable
    return root[0]


def _fields(items: list[Kept]) -> Kept:
    """Keys and values strictly alternate, since a value may look like a key: a column can be called `:expr`."""
    found: KeptNode = {"": items[0] if items else ""}
    at = 1
    while at < len(items):
        key = items[at]
        if not isinstance(key, str) or not key.startswith(":") or at + 1 >= len(items):
            raise Unreadable
        if items[at + 1] != _NULL:
            found[key[1:]] = items[at + 1]
        at += 2
        while at < len(items) and not (isinstance(behind := items[at], str) and behind.startswith(":")):
            if isinstance(behind, list):
                found[key[1:]] = behind  # `:constvalue 4 [ 1 0 0 0 ]`: a length, then bytes
            at += 1
    return found


def kept_node(tree: "Kept | None") -> KeptNode:
    """It as a node. Raises Unreadable."""
    if not isinstance(tree, dict):
        raise Unreadable
    return tree


def kept_list(tree: "Kept | None") -> list[Kept]:
    """It as a list; an empty one for anything else."""
    return tree if isinstance(tree, list) else []


def kept_number(holder: KeptNode, key: str) -> int:
    """The number under a key; the snapshot leaves zeros out. Raises Unreadable."""
    value = holder.get(key, "0")
    if not isinstance(value, str) or not value.removeprefix("-").isdecimal():
        raise Unreadable
    return int(value)
