"""Where in the queue a COMMIT may take what stands behind it along."""

from interlock.access.privileges import Shape
from interlock.gateways.postgres.answering.due import Due
from interlock.gateways.postgres.planning.steps import Group
from interlock.gateways.postgres.sending.queue import Activate, Intake, Item, Parcel, behind_commit, ends
from interlock.wire.postgres import kinds

OURS, OTHER = Group(id=1), Group(id=2)


def parcel(group: Group = OURS, *, last: bool = False) -> Parcel:
    return Parcel(group=group, data=b"", dues=(Due(kinds.SYNC),), ends=last)


def test_the_end_of_a_group_is_a_parcel_that_says_so() -> None:
    waits: list[Item] = [Intake(group=OURS), Activate(group=OURS, shape=Shape())]
    assert [ends(item) for item in (*waits, parcel(), parcel(last=True))] == [False, False, False, True]


def test_the_end_is_found_behind_what_belongs_to_the_group() -> None:
    assert behind_commit([parcel(), parcel(), parcel(last=True), parcel(OTHER)], OURS) == 2


def test_nothing_is_passed_that_has_to_be_waited_for() -> None:
    assert behind_commit([parcel(), Intake(group=OURS), parcel(last=True)], OURS) is None
    assert behind_commit([parcel(OTHER), parcel(last=True)], OURS) is None
    assert behind_commit([parcel()], OURS) is None
    assert behind_commit([], OURS) is None
