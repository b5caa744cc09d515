"""Which answers a server owes: for each forwarded request what may come and what ends it."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from interlock.wire.postgres import kinds


class Rule(NamedTuple):
    """The answer to one type of request: any number of `may`, then one of `ends`."""

    may: frozenset[int]
    ends: frozenset[int]


_STREAMS: Final = frozenset(
    {
        kinds.DATA_ROW,
        kinds.COPY_IN_RESPONSE,
        kinds.COPY_OUT_RESPONSE,
        kinds.COPY_DATA,
        kinds.COPY_DONE,
    }
)
_DONE: Final = frozenset({kinds.COMMAND_COMPLETE, kinds.EMPTY_QUERY_RESPONSE})
_READY: Final = frozenset({kinds.READY_FOR_QUERY})
_ERROR: Final = frozenset({kinds.ERROR_RESPONSE})

# An ErrorResponse also ends every request that does not list it: all up to the next Sync are then skipped.
ANSWERS: Final[Mapping[int, Rule]] = MappingProxyType(
    {
        kinds.QUERY: Rule(_STREAMS | _DONE | _ERROR | {kinds.ROW_DESCRIPTION, kinds.COPY_BOTH_RESPONSE}, _READY),
        kinds.FUNCTION_CALL: Rule(_ERROR | {kinds.FUNCTION_CALL_RESPONSE}, _READY),
        kinds.PARSE: Rule(frozenset(), frozenset({kinds.PARSE_COMPLETE})),
        kinds.BIND: Rule(frozenset(), frozenset({kinds.BIND_COMPLETE})),
        kinds.DESCRIBE: Rule(
            frozenset({kinds.PARAMETER_DESCRIPTION}), frozenset({kinds.ROW_DESCRIPTION, kinds.NO_DATA})
        ),
        kinds.EXECUTE: Rule(_STREAMS, _DONE | {kinds.PORTAL_SUSPENDED}),
        kinds.CLOSE: Rule(frozenset(), frozenset({kinds.CLOSE_COMPLETE})),
        kinds.SYNC: Rule(_ERROR, _READY),  # landing can fail: a deferred constraint
    }
)

# Belong to no request and come at any time.
UNASKED: Final = frozenset({kinds.NOTICE_RESPONSE, kinds.NOTIFICATION_RESPONSE, kinds.PARAMETER_STATUS})
