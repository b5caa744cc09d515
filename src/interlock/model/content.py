"""Which rows a unit takes or overwrites, as far as somebody else could still see them."""

from msgspec import Struct

from interlock.model.meaning import Object, Verb


class Sample(Struct, frozen=True, kw_only=True):
    """A few rows of one object as they are before `verb` does something to them; None is SQL NULL.

    Only columns that carry no label, and of each value only its beginning.
    """

    object: Object
    verb: Verb
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


class Content(Struct, frozen=True, kw_only=True):
    """`keys` is a digest (hex) over the keys of the rows of `keyed`, "" where none could be read; of the rows in
    `counted` nothing is known but how many there are."""

    keys: str = ""
    keyed: tuple[Object, ...] = ()
    counted: tuple[Object, ...] = ()
    samples: tuple[Sample, ...] = ()


UNSEEN = Content()
