"""The classifications that every surface knows, and what each is a kind of; other labels stand by themselves."""

from typing import Final

UNCLASSIFIED: Final = "unclassified"
LABEL_PARENTS: Final[dict[str, tuple[str, ...]]] = {
    "pii": ("sensitive",),
    "phi": ("sensitive",),
    "pci": ("sensitive",),
    "financial": ("sensitive",),
    "secret": ("sensitive",),
    "catalog-secret": ("secret", "sensitive"),
    UNCLASSIFIED: ("sensitive",),
}
SENSITIVE: Final = frozenset({"sensitive", *LABEL_PARENTS})
