"""What a principal has used up lately, as far as policies ask for it."""

from msgspec import Struct


class Usage(Struct, frozen=True, kw_only=True):
    """Counts by the name of their fact: ("recent.hour.rowsChanged", 4990), in the order of the names.

    What the command itself does at most is in them, where that is known before it runs: itself among commands, the
    rows that it may change. Rows it may read are not: they are promised while it is judged. A count that is not known
    is absent, never zero.
    """

    counts: tuple[tuple[str, int], ...] = ()


UNCOUNTED = Usage()
