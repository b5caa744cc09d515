"""The gateway's promises: a closed vocabulary in which promises only ever get stricter."""

from typing import Final, assert_never

from msgspec import Struct

from interlock.model import Confine, Fuse, Limit, Mask, Measure, Obligation

# From the weakest to the strictest form in which a value may be shown.
FORMS: Final = ("raw", "partial", "token", "null")
RAW: Final = FORMS[0]
PROMISED_BY: Final[dict[type[Obligation], str]] = {
    Measure: "measured",
    Confine: "readOnly",
    Limit: "maxRows",
    Fuse: "fuseRows",
    Mask: "form",
}
PROMISES: Final = frozenset(PROMISED_BY.values())
_MOST_ROWS: Final = 2**53


class Plan(Struct, frozen=True, kw_only=True):
    """What is promised so far, for one question. A promise asked for by a policy is a Plan as well."""

    measured: bool = False
    read_only: bool = False
    max_rows: int | None = None
    fuse_rows: int | None = None
    form: str = RAW

    def stricter(self, other: "Plan") -> "Plan":
        """Both promises at once: the least upper bound, so the order of merging does not matter."""
        return Plan(
            measured=self.measured or other.measured,
            read_only=self.read_only or other.read_only,
            max_rows=_less(self.max_rows, other.max_rows),
            fuse_rows=_less(self.fuse_rows, other.fuse_rows),
            form=max(self.form, other.form, key=FORMS.index),
        )

    def kinds(self) -> frozenset[str]:
        """The names of what is promised."""
        held = {
            "measured": self.measured,
            "readOnly": self.read_only,
            "maxRows": self.max_rows is not None,
            "fuseRows": self.fuse_rows is not None,
            "form": self.form != RAW,
        }
        return frozenset(name for name, promised in held.items() if promised)

    def __str__(self) -> str:
        facts = self.facts()
        return ", ".join(name if facts[name] is True else f"{name}={facts[name]}" for name in sorted(self.kinds()))

    def facts(self) -> dict[str, bool | int | str]:
        """`context.plan` as the schema has it; a limit that is not promised is absent."""
        facts: dict[str, bool | int | str] = {
            "measured": self.measured,
            "readOnly": self.read_only,
            "form": self.form,
        }
        if self.max_rows is not None:
            facts["maxRows"] = self.max_rows
        if self.fuse_rows is not None:
            facts["fuseRows"] = self.fuse_rows
        return facts

    def obligations(self) -> tuple[Obligation, ...]:
        """What the gateway has to honour, without the forms: those belong to labels, not to the command."""
        held: list[Obligation] = []
        if self.measured:
            held.append(Measure())
        if self.read_only:
            held.append(Confine())
        if self.max_rows is not None:
            held.append(Limit(rows=self.max_rows))
        if self.fuse_rows is not None:
            held.append(Fuse(rows=self.fuse_rows))
        return tuple(held)


NOTHING_PROMISED: Final = Plan()


def parse_promise(text: str) -> Plan:
    """`measured, maxRows=500, form=token` as a Plan. Raises ValueError for what is not in the vocabulary."""
    plan = NOTHING_PROMISED
    for part in text.split(","):
        plan = plan.stricter(_one_promise(part.strip()))
    return plan


def _one_promise(text: str) -> Plan:
    match text.partition("="):
        case ("measured", "", ""):
            return Plan(measured=True)
        case ("readOnly", "", ""):
            return Plan(read_only=True)
        case ("maxRows", "=", digits) if digits.isascii() and digits.isdigit() and int(digits) <= _MOST_ROWS:
            return Plan(max_rows=int(digits))
        case ("fuseRows", "=", digits) if digits.isascii() and digits.isdigit() and int(digits) <= _MOST_ROWS:
            return Plan(fuse_rows=int(digits))
        case ("form", "=", form) if form in FORMS[1:]:
            return Plan(form=form)
    raise ValueError(f"`{text}` is no promise: write measured, readOnly, maxRows=<rows>, fuseRows=<rows> or form=<...>")


def _less(one: int | None, other: int | None) -> int | None:
    return min([rows for rows in (one, other) if rows is not None], default=None)


def obligation_text(obligation: Obligation) -> str:
    """An obligation as a promise is written: `measured`, `maxRows=500`, `form=token for pii`."""
    match obligation:
        case Measure():
            return "measured"
        case Confine():
            return "readOnly"
        case Limit(rows=rows):
            return f"maxRows={rows}"
        case Fuse(rows=rows):
            return f"fuseRows={rows}"
        case Mask(labels=labels, form=form):
            return f"form={form} for {'+'.join(sorted(labels))}"
        case _:
            assert_never(obligation)
