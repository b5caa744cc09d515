"""Answers that wait for a judgement: all of them, none of them, or only that something ran."""

from interlock.gateways.postgres.answering.held import Held
from interlock.wire.postgres import kinds

ROW, DONE, NOTICE, NEWS = b"row", b"done", b"notice", b"news"


def filled(most: int = 1_000) -> Held:
    held = Held(most)
    held.on = True
    held.take(kinds.DATA_ROW, ROW)
    held.take(kinds.NOTICE_RESPONSE, NOTICE)
    held.take(kinds.NOTIFICATION_RESPONSE, NEWS)
    held.take(kinds.COMMAND_COMPLETE, DONE)
    return held


def test_released_is_everything_in_order_and_once() -> None:
    held = filled()
    assert held.release() == ROW + NOTICE + NEWS + DONE
    assert (held.release(), held.on) == (b"", False)


def test_without_rows_nothing_tells_a_value() -> None:
    assert filled().without_rows() == NEWS + DONE


def test_withheld_is_all_but_what_belongs_to_no_command() -> None:
    assert filled().withhold() == NEWS


def test_rows_beyond_the_most_are_thrown_away_and_said() -> None:
    held = filled(most=len(ROW))
    assert held.overflowed
    for _ in range(1_000):
        held.take(kinds.DATA_ROW, ROW * 100)
    assert len(held.release()) < 100
    assert not held.overflowed
