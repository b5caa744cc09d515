"""Nothing of evasions.txt passes in production, everything of lookalikes.txt does, for a person and for its agent."""

import pytest

from interlock.app.explaining import Explainer, verdict
from interlock.model import FindingCode, Principal, PrincipalKind, Verdict
from tests.corpus.blocks import Block, blocks
from tests.corpus.world import AGENT, HERE, PERSON, catalog, explainer, why

EVASIONS = blocks(HERE / "evasions.txt")
LOOKALIKES = blocks(HERE / "lookalikes.txt")
MIGRATIONS = blocks(HERE / "migrations.txt")
DBA = Principal(id="dan", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"dba"}))
OPERATOR = Principal(id="kim", kind=PrincipalKind.PERSON, issuer="config", groups=frozenset({"engineers", "dba"}))


@pytest.fixture(scope="module")
def person() -> Explainer:
    return explainer(PERSON, catalog())


@pytest.fixture(scope="module")
def agent() -> Explainer:
    return explainer(AGENT, catalog())


def titles(listed: list[Block]) -> list[str]:
    return [block.title for block in listed]


def test_the_corpora_are_large_and_say_nothing_twice() -> None:
    assert len(EVASIONS) >= 1_000
    assert len(LOOKALIKES) >= 840
    for listed in (EVASIONS, LOOKALIKES, MIGRATIONS):
        texts = [block.text for block in listed]
        assert {text for text in texts if texts.count(text) > 1} == set()


FOR_PEOPLE = [block for block in EVASIONS if not block.agent_only]


@pytest.mark.parametrize("block", FOR_PEOPLE, ids=titles(FOR_PEOPLE))
def test_no_evasion_passes_for_a_person(block: Block, person: Explainer) -> None:
    explained = person.explain(block.text)
    assert verdict(explained) is not Verdict.ALLOW, why(explained)


@pytest.mark.parametrize("block", EVASIONS, ids=titles(EVASIONS))
def test_no_evasion_passes_for_an_agent(block: Block, agent: Explainer) -> None:
    explained = agent.explain(block.text)
    assert verdict(explained) is not Verdict.ALLOW, why(explained)


SECTION = (HERE / "evasions.txt").read_text("utf-8").partition("## Conditions that spell out every value there is\n")[2]
SPELLED_OUT = [block for block in EVASIONS if f"\n{block.text}\n" in SECTION.partition("\n## ")[0]]


@pytest.mark.parametrize("block", SPELLED_OUT, ids=titles(SPELLED_OUT))
def test_what_spells_out_every_value_is_found_and_not_only_counted(block: Block, person: Explainer) -> None:
    (explained,) = person.explain(block.text)
    assert FindingCode.ALWAYS_TRUE in [finding.code for finding in explained.statement.intent.all_findings()]


@pytest.mark.parametrize("block", LOOKALIKES, ids=titles(LOOKALIKES))
def test_every_lookalike_passes_for_a_person(block: Block, person: Explainer) -> None:
    explained = person.explain(block.text)
    assert verdict(explained) is Verdict.ALLOW, why(explained)


FOR_AGENTS = [block for block in LOOKALIKES if not block.person_only]


@pytest.mark.parametrize("block", FOR_AGENTS, ids=titles(FOR_AGENTS))
def test_every_lookalike_passes_for_an_agent(block: Block, agent: Explainer) -> None:
    explained = agent.explain(block.text)
    assert verdict(explained) is Verdict.ALLOW, why(explained)


@pytest.mark.parametrize("block", MIGRATIONS, ids=titles(MIGRATIONS))
def test_an_additive_migration_waits_in_production_and_passes_in_development(block: Block) -> None:
    held = explainer(DBA, catalog()).explain(block.text)
    assert verdict(held) is Verdict.HOLD, why(held)
    free = explainer(OPERATOR, catalog(), pack="development", environment="dev").explain(block.text)
    assert verdict(free) is Verdict.ALLOW, why(free)
