"""Which rows a unit takes or overwrites, as far as somebody else could still see them."""

from dataclasses import dataclass

from interlock.model.meaning import Object, Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A few rows of one object as they are before `verb` does something to them; None is SQL NULL.

    Only columns that carry no label, and of each value only its beginning.
    """

    object: Object
    verb: Verb
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """`keys` is a digest (hex) over the keys of the rows of `keyed`, "" where none could be read; of the rows in
    `counted` nothing is known but how many there are."""

    keys: str = ""
    keyed: tuple[Object, ...] = ()
    counted: tuple[Object, ...] = ()
    samples: tuple[Sample, ...] = ()


UNSEEN = Content()
