import pytest

from interlock.access.faults import CredentialRefused
from interlock.access.identity import Directory, Entry
from interlock.model import PrincipalKind


def entry(name, kind=PrincipalKind.AGENT, **rest):
    return Entry(name=name, kind=kind, **rest)


ANA = entry("ana", PrincipalKind.PERSON, groups=frozenset({"analysts"}), targets=frozenset({"shop", "crm"}))


def test_an_agent_carries_the_chain_to_the_person_it_acts_for():
    directory = Directory([entry("shop-agent", on_behalf_of="ana"), ANA])
    principal = directory.find("shop-agent").principal
    assert [actor.id for actor in principal.chain()] == ["shop-agent", "ana"]
    assert principal.root.groups == {"analysts"}
    assert principal.groups == frozenset()
    assert principal.issuer == "config"


def test_names_are_exact():
    directory = Directory([ANA])
    assert directory.find("Ana") is None
    assert directory.find("ana ") is None
    assert len(directory) == 1


def test_delegation_only_narrows_what_can_be_reached():
    free = entry("free", on_behalf_of="ana")
    wide = entry("wide", on_behalf_of="ana", targets=frozenset({"shop", "payroll"}))
    directory = Directory([ANA, free, wide])
    assert directory.find("free").targets == {"shop", "crm"}
    assert directory.find("wide").may_reach("shop")
    assert not directory.find("wide").may_reach("payroll")
    assert Directory([entry("any")]).find("any").may_reach("anything")


@pytest.mark.parametrize(
    "entries",
    [
        [entry("a", on_behalf_of="a")],
        [entry("a", on_behalf_of="b"), entry("b", on_behalf_of="a")],
        [entry(str(n), on_behalf_of=str(n + 1)) for n in range(4)] + [entry("4")],
        [entry("a", on_behalf_of="nobody")],
    ],
    ids=["itself", "circle", "too long", "missing"],
)
def test_chains_that_end_nowhere_are_refused(entries):
    with pytest.raises(CredentialRefused, match="on behalf of"):
        Directory(entries)


def test_the_longest_chain_that_is_allowed_works():
    entries = [entry(str(n), on_behalf_of=str(n + 1)) for n in range(3)] + [entry("3", PrincipalKind.PERSON)]
    assert [actor.id for actor in Directory(entries).find("0").principal.chain()] == ["0", "1", "2", "3"]
