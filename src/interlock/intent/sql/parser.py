"""The only door to libpg_query: PostgreSQL's own grammar (18), as the JSON tree it exports.

Measured against its protobuf form: 2.5 us against 9 us for a short statement (sql.md 1). The library is the
one that `postgast` ships; importing postgast itself would build protobuf classes for 170 ms, so only its folder is
looked up. ctypes releases the GIL around each call.
"""

from ctypes import CDLL, POINTER, Structure, c_char_p, c_int
from importlib.util import find_spec

import msgspec

from interlock.intent.sql.tree import Json, Node, node, nodes
from interlock.model import CallerFault, OurFault


class _Error(Structure):
    _fields_ = (
        ("message", c_char_p),
        ("funcname", c_char_p),
        ("filename", c_char_p),
        ("lineno", c_int),
        ("cursorpos", c_int),
        ("context", c_char_p),
    )


class _Parsed(Structure):
    _fields_ = (("parse_tree", c_char_p), ("stderr_buffer", c_char_p), ("error", POINTER(_Error)))


class Unparsed(CallerFault):
    """The text is not PostgreSQL. `position` is in bytes of the UTF-8 text, None where the parser gave none."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.position = position


class TooDeep(CallerFault):
    """The text nests deeper than its tree can be read."""


def _load() -> CDLL:
    spec = find_spec("postgast")
    if spec is None or not spec.submodule_search_locations:
        raise OurFault("the SQL parser is not installed; install the package `postgast`")
    library = CDLL(f"{spec.submodule_search_locations[0]}/libpg_query.so")
    library.pg_query_parse.argtypes = [c_char_p]
    library.pg_query_parse.restype = _Parsed
    library.pg_query_free_parse_result.argtypes = [_Parsed]
    library.pg_query_free_parse_result.restype = None
    return library


_LIBRARY = _load()
_parse = _LIBRARY.pg_query_parse
_free = _LIBRARY.pg_query_free_parse_result
_decode = msgspec.json.Decoder().decode

# Raised by libpg_query when it runs out of its own bounds, not when the text is wrong.
_BOUNDS = ("memory exhausted", "stack depth limit exceeded", "out of memory")


def parse(data: bytes) -> list[Node]:
    """The raw statements of a UTF-8 text without NUL: each has `stmt`, `stmt_location`, `stmt_len` (in bytes).

    Raises Unparsed for what is not PostgreSQL, TooDeep for what nests beyond any honest text.
    """
    result = _parse(data)
    try:
        if result.error:
            _refuse(result.error.contents)
        tree: Json = _decode(result.parse_tree)
    except RecursionError:
        raise TooDeep("the text nests too deeply; write it flatter") from None
    except msgspec.DecodeError:
        # The exporter writes what it read; bytes that are no JSON mean a text no honest client sends.
        raise Unparsed("the text holds characters that cannot be read; remove them", None) from None
    finally:
        _free(result)
    return nodes(tree, "stmts") if isinstance(tree, dict) else []


def statement_of(raw: Node) -> Node:
    """The wrapped statement node of a raw statement."""
    return node(raw, "stmt") or {}


def _refuse(error: _Error) -> None:
    message = (error.message or b"syntax error").decode("utf-8", "replace")
    if any(bound in message for bound in _BOUNDS):
        raise TooDeep("the text nests too deeply; write it flatter")
    raise Unparsed(message, error.cursorpos - 1 if error.cursorpos > 0 else None)
