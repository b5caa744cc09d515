import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from interlock.app.clock import now, parse_duration, steady
from interlock.app.ids import IdMaker, new_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front():
    before = now() // 1000
    made = uuid.UUID(new_id())
    after = now() // 1000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after
    assert str(made) == str(uuid.UUID(str(made)))


def test_ids_of_one_maker_only_grow_even_across_threads():
    maker = IdMaker()
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: [maker() for _ in range(5_000)], range(4)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len({made for batch in batches for made in batch}) == 20_000


def test_a_forked_process_does_not_count_on_from_its_parent():
    reader, writer = os.pipe()
    last = new_id()
    if (child := os.fork()) == 0:
        os.write(writer, new_id().encode())
        os._exit(0)
    ours = new_id()
    os.waitpid(child, 0)
    theirs = os.read(reader, 36).decode()
    # Counting on would give neighbours: the same 9 leading random digits.
    assert theirs[14:-4] != last[14:-4]
    assert theirs != ours


def test_the_clock_counts_microseconds_and_the_steady_one_never_goes_back():
    assert 1_700_000_000_000_000 < now() < 5_000_000_000_000_000
    assert steady() <= steady()


@pytest.mark.parametrize(("text", "seconds"), [("45s", 45), ("15m", 900), ("12h", 43_200), ("2d", 172_800)])
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "15", "m", "-1h", "1.5h", "1 h", "1w", "99999999s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="write it like"):
        parse_duration(text)
