import tracemalloc
from itertools import groupby, pairwise

import pytest
from hypothesis import given, strategies as st

from interlock.model.faults import CallerFault, TargetFault
from interlock.wire.postgres.codec import SMALL, Frame, Frames
from interlock.wire.postgres.fields import frame
from interlock.wire.postgres.messages import (
    COMMAND_COMPLETE,
    COPY_DATA,
    DATA_ROW,
    MERGED_FROM_SERVER,
    QUERY,
    SYNC,
    ProtocolViolation,
    ServerViolation,
    build_command_complete,
    build_data_row,
    build_query,
    build_sync,
)

ROW = build_data_row([b"1", None])
ROWS = frozenset({DATA_ROW})


def flattened(frames: list[Frame]) -> list[tuple[int, bytes, int]]:
    """What is left of a list of frames when it no longer matters how runs of one type were cut."""
    return [
        (kind, b"".join(data for _, data, _ in run), sum(count for _, _, count in run))
        for kind, run in ((kind, list(run)) for kind, run in groupby(frames, key=lambda found: found[0]))
    ]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = sorted({0, len(stream), *(place % (len(stream) + 1) for place in places)})
    return [stream[start:stop] for start, stop in pairwise(borders)]


def test_frames_come_whole_and_in_order() -> None:
    query = build_query("select 1")
    assert Frames(limit=100).feed(query + build_sync()) == [(QUERY, query, 1), (SYNC, build_sync(), 1)]


def test_an_incomplete_frame_waits_for_its_rest() -> None:
    frames = Frames(limit=100)
    query = build_query("select 1")
    assert frames.feed(query[:3]) == []
    assert frames.feed(query[3:-1]) == []
    assert (frames.held, frames.between) == (len(query) - 1, False)
    assert frames.feed(query[-1:]) == [(QUERY, query, 1)]
    assert (frames.held, frames.between) == (0, True)


def test_a_run_of_rows_is_one_slice_with_its_count() -> None:
    done = build_command_complete("SELECT 3")
    assert Frames(limit=100, merge=ROWS).feed(ROW * 3 + done + ROW) == [
        (DATA_ROW, ROW * 3, 3),
        (COMMAND_COMPLETE, done, 1),
        (DATA_ROW, ROW, 1),
    ]


def test_runs_of_different_mergeable_types_stay_apart() -> None:
    copy = frame(COPY_DATA, b"1\n")
    found = Frames(limit=100, merge=MERGED_FROM_SERVER).feed(ROW + copy * 2)
    assert found == [(DATA_ROW, ROW, 1), (COPY_DATA, copy * 2, 2)]


def test_a_small_row_at_the_border_of_two_chunks_stays_whole() -> None:
    frames = Frames(limit=100, merge=ROWS)
    assert frames.feed(ROW + ROW[:7]) == [(DATA_ROW, ROW, 1)]
    assert frames.feed(ROW[7:] + ROW) == [(DATA_ROW, ROW * 2, 2)]


def test_a_row_is_waited_for_up_to_the_small_size_and_no_further() -> None:
    small, large = frame(DATA_ROW, bytes(SMALL - 5)), frame(DATA_ROW, bytes(SMALL - 4))
    assert Frames(limit=100, merge=ROWS).feed(small[:-1]) == []
    assert Frames(limit=100, merge=ROWS).feed(large[:-1]) == [(DATA_ROW, large[:-1], 1)]


def test_a_large_row_flows_through_in_pieces_that_count_once() -> None:
    row = build_data_row([b"x" * 3 * SMALL])
    frames = Frames(limit=100, merge=ROWS)
    pieces = [*frames.feed(ROW + row[:50]), *frames.feed(row[50 : 2 * SMALL]), *frames.feed(row[2 * SMALL :] + ROW)]
    assert [count for _, _, count in pieces] == [2, 0, 0, 1]
    assert b"".join(data for _, data, _ in pieces) == ROW + row + ROW
    assert frames.between


def test_a_huge_row_needs_no_memory() -> None:
    size = 512 * 1024 * 1024
    chunk = bytes(64 * 1024)
    frames = Frames(limit=100, merge=ROWS)
    tracemalloc.start()
    try:
        assert frames.feed(b"D" + (size + 4).to_bytes(4)) == [(DATA_ROW, b"D" + (size + 4).to_bytes(4), 1)]
        passed = sum(len(frames.feed(chunk)[0][1]) for _ in range(size // len(chunk)))
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()
    assert (passed, frames.between) == (size, True)


def test_what_is_held_never_exceeds_the_limit() -> None:
    limit = 100_000
    query = build_query("x" * (limit - 6))
    frames = Frames(limit=limit)
    for start in range(0, len(query) - 1, 1000):
        assert frames.feed(query[start : min(start + 1000, len(query) - 1)]) == []
        assert frames.held <= limit
    assert frames.feed(query[-1:]) == [(QUERY, query, 1)]


@pytest.mark.parametrize("size", [100, 2**31 - 1])
def test_a_frame_over_the_limit_is_refused_by_its_header_alone(size: int) -> None:
    with pytest.raises(ProtocolViolation, match=r"over the limit of 100 bytes"):
        Frames(limit=100).feed(b"Q" + size.to_bytes(4))


def test_a_frame_of_exactly_the_limit_passes() -> None:
    assert len(Frames(limit=100).feed(frame(QUERY, bytes(95)))) == 1


def test_the_limit_can_be_raised_after_authentication() -> None:
    frames = Frames(limit=10)
    frames.limit = 100
    assert len(frames.feed(build_query("select 1"))) == 1


@pytest.mark.parametrize("length", [0, 3, -1, -(2**31)])
@pytest.mark.parametrize("kind", [b"Q", b"D"])
def test_an_impossible_length_is_refused(kind: bytes, length: int) -> None:
    with pytest.raises(ProtocolViolation, match=f"impossible length {length}"):
        Frames(limit=100, merge=ROWS).feed(ROW + kind + length.to_bytes(4, signed=True))


def test_the_blame_is_the_peers() -> None:
    with pytest.raises(CallerFault):
        Frames(limit=100).feed(b"Q\0\0\0\0")
    with pytest.raises(TargetFault):
        Frames(limit=100, blame=ServerViolation).feed(b"Z\0\0\0\0")


typed_frames = st.builds(
    lambda kind, size: frame(kind, bytes(size)),
    st.sampled_from(b"QDdZS"),
    st.one_of(st.integers(0, 40), st.integers(SMALL - 8, SMALL + 8), st.integers(0, 3 * SMALL)),
)


@given(
    frames=st.lists(typed_frames, max_size=20),
    places=st.lists(st.integers(0, 2**32), max_size=40),
    merge=st.frozensets(st.sampled_from(b"DdQ")),
)
def test_any_cut_of_the_stream_yields_the_same_frames(
    frames: list[bytes], places: list[int], merge: frozenset[int]
) -> None:
    limit = 4 * SMALL
    stream = b"".join(frames)
    cutter = Frames(limit=limit, merge=merge)
    found = [one for chunk in cut(stream, places) for one in cutter.feed(chunk)]
    assert flattened(found) == flattened([(one[0], one, 1) for one in frames])
    assert all(data == frame(kind, data[5:]) for kind, data, _ in found if kind not in merge)
    assert cutter.between


@given(frames=st.lists(st.sampled_from([ROW, build_sync(), frame(COPY_DATA, b"abc")]), max_size=6))
def test_byte_by_byte_yields_the_same_frames(frames: list[bytes]) -> None:
    cutter = Frames(limit=100, merge=MERGED_FROM_SERVER)
    found = [one for byte in b"".join(frames) for one in cutter.feed(bytes((byte,)))]
    assert found == [(one[0], one, 1) for one in frames]


@given(chunks=st.lists(st.binary(max_size=40), max_size=10), merge=st.frozensets(st.integers(0, 255)))
def test_garbage_is_frames_or_a_violation(chunks: list[bytes], merge: frozenset[int]) -> None:
    cutter = Frames(limit=1000, merge=merge)
    passed = 0
    try:
        for chunk in chunks:
            passed += sum(len(data) for _, data, _ in cutter.feed(chunk))
    except ProtocolViolation:
        return
    assert passed + cutter.held == sum(map(len, chunks))
