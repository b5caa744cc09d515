"""The answer to one of the doctor's questions."""

from enum import StrEnum

import msgspec

from interlock.model import Fault


class Grade(StrEnum):
    """WARN works, and is not as safe as it could be. FAIL does not work, or is not safe at all."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question and its answer; `todo` is there unless all is well."""

    grade: Grade
    about: str
    found: str
    todo: str | None = None


def ok(about: str, found: str) -> Check:
    """All is well."""
    return Check(grade=Grade.OK, about=about, found=found)


def warn(about: str, found: str, todo: str) -> Check:
    """It works, and could be safer."""
    return Check(grade=Grade.WARN, about=about, found=found, todo=todo)


def fail(about: str, found: str, todo: str) -> Check:
    """It does not work, or must not go on like this."""
    return Check(grade=Grade.FAIL, about=about, found=found, todo=todo)


def counted(number: int, what: str) -> str:
    """`1 key`, `2 keys`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def fault(about: str, raised: Fault) -> Check:
    """A fault is a failed check: what happened stands before its last colon, what to do behind it."""
    found, colon, todo = str(raised).rpartition(": ")
    return fail(about, found, todo) if colon else fail(about, str(raised), "mend that and ask again")
