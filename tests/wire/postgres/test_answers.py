import pytest
from hypothesis import given, strategies as st

from interlock.wire.postgres import messages as m
from interlock.wire.postgres.answers import ANSWERS, UNASKED
from tests.wire.postgres.answering import Answer, Answers


def asked(*requests: int) -> Answers[str]:
    """Answers owed for these requests; each is tagged with its name."""
    answers: Answers[str] = Answers()
    for request in requests:
        answers.expect(request, m.CLIENT_NAMES[request])
    return answers


def test_a_group_is_answered_in_order() -> None:
    answers = asked(m.PARSE, m.BIND, m.DESCRIBE, m.EXECUTE, m.SYNC)
    said = (m.PARSE_COMPLETE, m.BIND_COMPLETE, m.ROW_DESCRIPTION, m.DATA_ROW, m.COMMAND_COMPLETE, m.READY_FOR_QUERY)
    assert [answers.take(kind) for kind in said] == [
        Answer("Parse", True),
        Answer("Bind", True),
        Answer("Describe", True),
        Answer("Execute", False),
        Answer("Execute", True),
        Answer("Sync", True),
    ]
    assert answers.owed == 0


def test_a_query_is_answered_until_ready() -> None:
    answers = asked(m.QUERY)
    said = (m.ROW_DESCRIPTION, m.DATA_ROW, m.COMMAND_COMPLETE, m.ERROR_RESPONSE, m.READY_FOR_QUERY)
    assert [answers.take(kind) for kind in said] == [Answer("Query", False)] * 4 + [Answer("Query", True)]


def test_describe_of_a_statement_has_two_parts() -> None:
    answers = asked(m.DESCRIBE)
    assert answers.take(m.PARAMETER_DESCRIPTION) == Answer("Describe", False)
    assert answers.take(m.NO_DATA) == Answer("Describe", True)


def test_an_error_skips_to_sync() -> None:
    answers = asked(m.PARSE, m.BIND, m.EXECUTE, m.SYNC, m.PARSE)
    assert answers.take(m.ERROR_RESPONSE) == Answer("Parse", True, ("Bind", "Execute"))
    assert not answers.skipping
    assert answers.take(m.READY_FOR_QUERY) == Answer("Sync", True)
    assert answers.take(m.PARSE_COMPLETE) == Answer("Parse", True)


def test_what_is_forwarded_into_a_failed_group_has_no_answer() -> None:
    answers = asked(m.PARSE)
    answers.take(m.ERROR_RESPONSE)
    assert answers.skipping
    assert not answers.expect(m.BIND, "void")
    assert not answers.expect(m.QUERY, "void")
    assert answers.expect(m.SYNC, "Sync")
    assert not answers.skipping
    assert answers.take(m.READY_FOR_QUERY) == Answer("Sync", True)


def test_landing_can_fail() -> None:
    answers = asked(m.SYNC)
    assert answers.take(m.ERROR_RESPONSE) == Answer("Sync", False)
    assert answers.take(m.READY_FOR_QUERY) == Answer("Sync", True)


@pytest.mark.parametrize("request_", [m.FLUSH, m.COPY_DATA, m.COPY_DONE, m.COPY_FAIL, m.TERMINATE])
def test_some_requests_have_no_answer_of_their_own(request_: int) -> None:
    answers = asked()
    assert not answers.expect(request_, "none")
    assert answers.owed == 0


@pytest.mark.parametrize("kind", sorted(UNASKED))
def test_what_nobody_asked_for_changes_nothing(kind: int) -> None:
    answers = asked(m.PARSE)
    assert answers.take(kind) is None
    assert answers.take(m.PARSE_COMPLETE) == Answer("Parse", True)
    assert answers.take(kind) is None


def test_an_idle_session_may_be_ended_by_an_error() -> None:
    assert asked().take(m.ERROR_RESPONSE) is None


@pytest.mark.parametrize(
    ("requests", "kind", "told"),
    [
        ((m.PARSE,), m.BIND_COMPLETE, "sent BindComplete in answer to Parse"),
        ((m.EXECUTE,), m.READY_FOR_QUERY, "sent ReadyForQuery in answer to Execute"),
        ((m.SYNC,), m.DATA_ROW, "sent DataRow in answer to Sync"),
        ((), m.DATA_ROW, "sent DataRow in answer to nothing"),
        ((m.QUERY,), m.AUTHENTICATION, "sent Authentication in answer to Query"),
        ((m.QUERY,), 0, "sent 0x00 in answer to Query"),
    ],
)
def test_a_wrong_answer_is_the_servers_fault(requests: tuple[int, ...], kind: int, told: str) -> None:
    with pytest.raises(m.ServerViolation, match=told):
        asked(*requests).take(kind)


def test_a_copy_swallows_the_sync_that_was_forwarded_too_early() -> None:
    answers = asked(m.EXECUTE, m.SYNC)
    answers.take(m.COPY_IN_RESPONSE)
    answers.expect(m.SYNC, "second Sync")
    assert answers.take(m.COMMAND_COMPLETE) == Answer("Execute", True)
    assert answers.take(m.READY_FOR_QUERY) == Answer("second Sync", True)
    assert answers.owed == 0


def test_a_copy_that_fails_before_it_reads_still_answers_that_sync() -> None:
    answers = asked(m.EXECUTE, m.SYNC)
    answers.take(m.COPY_IN_RESPONSE)
    assert answers.take(m.ERROR_RESPONSE) == Answer("Execute", True)
    answers.expect(m.SYNC, "second Sync")
    assert answers.take(m.READY_FOR_QUERY) == Answer("second Sync", True)
    assert answers.take(m.READY_FOR_QUERY) is None
    with pytest.raises(m.ServerViolation):
        answers.take(m.READY_FOR_QUERY)


def test_a_copy_that_succeeds_leaves_no_sync_to_be_forgiven() -> None:
    answers = asked(m.EXECUTE, m.SYNC)
    answers.take(m.COPY_IN_RESPONSE)
    answers.take(m.COMMAND_COMPLETE)
    with pytest.raises(m.ServerViolation):
        answers.take(m.READY_FOR_QUERY)


@given(requests=st.lists(st.sampled_from(sorted(ANSWERS)), max_size=12), fail=st.sets(st.integers(0, 12)))
def test_every_request_is_answered_or_skipped_exactly_once(requests: list[int], fail: set[int]) -> None:
    """A server that answers each request by its rule, and fails some, settles every tag once and in order."""
    answers: Answers[int] = Answers()
    for place, request in enumerate([*requests, m.SYNC]):
        answers.expect(request, place)
    settled: list[int] = []
    for place, request in enumerate([*requests, m.SYNC]):
        if place in settled:
            continue
        rule = ANSWERS[request]
        if place in fail and m.ERROR_RESPONSE not in rule.may:
            taken = answers.take(m.ERROR_RESPONSE)
        else:
            taken = answers.take(min(rule.ends))
        assert taken is not None
        assert taken.ends
        settled += [taken.tag, *taken.skipped]
    assert settled == list(range(len(requests) + 1))
    assert answers.owed == 0


@given(
    events=st.lists(st.tuples(st.booleans(), st.sampled_from(sorted({*m.CLIENT_NAMES, *m.SERVER_NAMES}))), max_size=30)
)
def test_any_order_is_taken_or_the_servers_fault(events: list[tuple[bool, int]]) -> None:
    answers: Answers[int] = Answers()
    for place, (from_client, kind) in enumerate(events):
        try:
            if from_client:
                answers.expect(kind, place)
            else:
                answers.take(kind)
        except m.ServerViolation:
            continue
