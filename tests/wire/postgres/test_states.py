import pytest
from hypothesis import given, strategies as st

from interlock.model.faults import OurFault
from interlock.wire.postgres import messages as m
from interlock.wire.postgres.states import PHASES, TEACHING, Conversation, Handling, Phase, Turn

ACT, DROP, WAIT = Handling.ACT, Handling.DROP, Handling.WAIT


def talk(phase: Phase, *events: int | Turn) -> list[Phase | Handling]:
    """What comes of each event: a message's handling, a turn's phase."""
    conversation = Conversation(phase)
    told: list[Phase | Handling] = []
    for event in events:
        if isinstance(event, Turn):
            conversation.turn(event)
            told.append(conversation.phase)
        else:
            told.append(conversation.client(event))
    return [*told, conversation.phase]


def test_a_session_from_start_to_end() -> None:
    said = (Turn.STARTED, m.AUTHENTICATION_ANSWER, m.AUTHENTICATION_ANSWER, Turn.WELCOMED, m.QUERY, Turn.ANSWERED)
    assert talk(Phase.STARTUP, *said, m.TERMINATE) == [
        Phase.AUTHENTICATION,
        ACT,
        ACT,
        Phase.READY,
        ACT,
        Phase.READY,
        ACT,
        Phase.CLOSED,
    ]


def test_what_is_sent_behind_a_query_waits_for_its_end() -> None:
    assert talk(Phase.READY, m.QUERY, m.QUERY, Turn.ANSWERED, m.QUERY) == [ACT, WAIT, Phase.READY, ACT, Phase.SIMPLE]


def test_groups_are_pipelined_without_waiting() -> None:
    group = (m.PARSE, m.BIND, m.EXECUTE, m.SYNC)
    assert talk(Phase.READY, *group, *group) == [ACT] * 8 + [Phase.READY]


def test_an_error_voids_everything_up_to_sync() -> None:
    said = (m.PARSE, Turn.FAILED, m.BIND, m.EXECUTE, m.QUERY, m.SYNC)
    assert talk(Phase.READY, *said) == [ACT, Phase.SKIP, DROP, DROP, DROP, ACT, Phase.READY]


def test_a_query_may_follow_a_group_without_sync() -> None:
    assert talk(Phase.READY, m.PARSE, m.DESCRIBE, m.FLUSH, m.QUERY) == [ACT] * 4 + [Phase.SIMPLE]


def test_copy_in_of_a_simple_query() -> None:
    said = (m.QUERY, Turn.COPY_IN_BEGAN, m.COPY_DATA, m.FLUSH, m.COPY_DONE, Turn.ANSWERED)
    assert talk(Phase.READY, *said) == [ACT, Phase.COPY_IN, ACT, DROP, ACT, Phase.READY, Phase.READY]


def test_copy_in_of_a_group_voids_the_sync_that_was_sent_too_early() -> None:
    said = (m.EXECUTE, m.SYNC, Turn.COPY_IN_BEGAN, m.COPY_DATA, m.SYNC, m.COPY_DONE, m.SYNC)
    assert talk(Phase.READY, *said) == [ACT, ACT, Phase.COPY_IN_EXTENDED, ACT, DROP, ACT, ACT, Phase.READY]


@pytest.mark.parametrize(
    ("request_", "begins", "resumes"),
    [(m.QUERY, Phase.COPY_IN, Phase.SIMPLE), (m.EXECUTE, Phase.COPY_IN_EXTENDED, Phase.SKIP)],
)
def test_late_pieces_of_a_failed_copy_are_dropped(request_: int, begins: Phase, resumes: Phase) -> None:
    conversation = Conversation(Phase.READY)
    conversation.client(request_)
    conversation.turn(Turn.COPY_IN_BEGAN)
    assert conversation.phase is begins
    conversation.turn(Turn.FAILED)
    assert conversation.phase is resumes
    if resumes is Phase.SIMPLE:
        conversation.turn(Turn.ANSWERED)
    assert [conversation.client(kind) for kind in (m.COPY_DATA, m.COPY_DONE, m.COPY_FAIL)] == [DROP] * 3


def test_copy_out_of_a_query_lets_the_client_wait() -> None:
    said = (m.QUERY, Turn.COPY_OUT_BEGAN, m.QUERY, Turn.COPY_ENDED, Turn.ANSWERED)
    assert talk(Phase.READY, *said) == [ACT, Phase.COPY_OUT, WAIT, Phase.SIMPLE, Phase.READY, Phase.READY]


def test_each_side_ends_its_half_of_copy_both() -> None:
    both = (m.QUERY, Turn.COPY_BOTH_BEGAN)
    assert talk(Phase.READY, *both, m.COPY_DATA, m.COPY_DONE, Turn.COPY_ENDED)[-1] is Phase.SIMPLE
    assert talk(Phase.READY, *both, Turn.COPY_ENDED, m.COPY_DATA, m.COPY_DONE)[-1] is Phase.SIMPLE


@pytest.mark.parametrize(
    ("phase", "kind", "taught"),
    [
        (Phase.AUTHENTICATION, m.QUERY, r"a Query message .* answer the server's authentication request first"),
        (Phase.READY, m.AUTHENTICATION_ANSWER, r"a PasswordMessage message .* after authentication is complete"),
        (Phase.COPY_IN, m.QUERY, r"a Query message .* end the COPY with CopyDone or CopyFail first"),
        (Phase.CLOSED, m.QUERY, r"open a new connection"),
        (Phase.READY, 0, r"no message of a client has the type 0x00"),
    ],
)
def test_what_does_not_belong_is_refused_with_a_sentence_that_helps(phase: Phase, kind: int, taught: str) -> None:
    conversation = Conversation(phase)
    with pytest.raises(m.ClientViolation, match=taught):
        conversation.client(kind)
    assert conversation.phase is phase


def test_a_turn_that_cannot_happen_is_our_own_fault() -> None:
    with pytest.raises(OurFault, match=r"`authenticated` cannot happen in the phase ready"):
        Conversation(Phase.READY).turn(Turn.WELCOMED)


def test_nothing_is_judged_before_authentication_and_nothing_after_the_end() -> None:
    acts = {m.QUERY, m.PARSE, m.BIND, m.DESCRIBE, m.EXECUTE, m.CLOSE, m.FUNCTION_CALL, m.SYNC}
    for phase in (Phase.STARTUP, Phase.AUTHENTICATION, Phase.CLOSED):
        assert not acts & set(PHASES[phase])


def test_every_phase_can_be_reached_taught_and_left() -> None:
    reached = {step.phase for row in PHASES.values() for step in row.values()}
    assert reached | {Phase.STARTUP} == set(Phase) == set(PHASES) == set(TEACHING)
    assert all(row[Turn.LEFT].phase is Phase.CLOSED for row in PHASES.values())


def test_a_message_that_waits_or_is_dropped_changes_nothing() -> None:
    for phase, row in PHASES.items():
        assert {step.phase for step in row.values() if step.handling is not ACT} <= {phase}


@given(kinds=st.lists(st.integers(0, 255) | st.sampled_from(sorted(m.CLIENT_NAMES)), max_size=20))
def test_any_order_of_messages_is_handled_or_the_clients_fault(kinds: list[int]) -> None:
    conversation = Conversation(Phase.READY)
    for kind in kinds:
        try:
            assert conversation.client(kind) in Handling
        except m.ClientViolation:
            continue
