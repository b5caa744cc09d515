"""What real clients sent, as tests.corpus.recording recorded it, passes in production, for a person and for an agent.

A block may be tagged `person`: an agent is kept from what it shows. `measured`: it writes several rows by their keys,
and passes where the gateway offers to measure it.
"""

import pytest

from interlock.app.explaining import Explainer, Explanation, verdict
from interlock.model import Measure, Verdict
from tests.corpus.blocks import Block, blocks
from tests.corpus.world import AGENT, HERE, PERSON, catalog, explainer, why

CLIENTS = {"django": 80, "jdbc": 60, "psql": 240, "sqlalchemy": 80}
MEASURED = {"unmet-promise", "write-is-measured"}


@pytest.fixture(scope="module")
def person() -> Explainer:
    return explainer(PERSON, catalog())


@pytest.fixture(scope="module")
def agent() -> Explainer:
    return explainer(AGENT, catalog())


def recorded(client: str) -> list[Block]:
    return blocks(HERE / "traffic" / f"{client}.txt")


def stopped(listed: list[tuple[Block, list[Explanation]]]) -> list[tuple[str, str]]:
    return [(block.text, why(explained)) for block, explained in listed if verdict(explained) is not Verdict.ALLOW]


@pytest.mark.parametrize("client", CLIENTS)
def test_honest_traffic_is_not_disturbed(client: str, person: Explainer, agent: Explainer) -> None:
    found = recorded(client)
    assert len(found) >= CLIENTS[client]
    plain = [block for block in found if "measured" not in block.tags]
    assert stopped([(block, person.explain(block.text)) for block in plain]) == []
    assert stopped([(block, agent.explain(block.text)) for block in plain if not block.person_only]) == []


@pytest.mark.parametrize("client", CLIENTS)
def test_what_writes_several_rows_waits_for_nothing_but_its_measure(client: str, person: Explainer) -> None:
    for block in recorded(client):
        if "measured" in block.tags:
            explained = person.explain(block.text)
            policies = {reason.policy for each in explained for reason in each.decision.reasons}
            promised = [promise for each in explained for promise in each.decision.obligations]
            assert Measure() in promised or policies <= MEASURED, why(explained)
