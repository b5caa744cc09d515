"""A narrower bundle permits what was used of it, and nothing that was not."""

from interlock.model import Case, Principal, Verb
from interlock.policy import Bundle, Judge
from interlock.policy.narrowing import Used, narrowed, uses
from tests.policy.world import BOT, CUSTOMERS, DAN, EMAIL, EVE, EVERYTHING, ID, ORDERS, case, effect

PACK = """
@id("engineers-work") @title("work")
permit (principal in Group::"engineers", action, resource);
@id("agents-read") @title("agents")
permit (principal is Agent, action in Action::"observe", resource) when { context.session.surface == "postgres" };
@id("dba-do-all") @title("dba")
permit (principal in Group::"dba", action, resource);
@id("no-drops") @title("drops") @severity("high") @instead("ask")
forbid (principal, action == Action::"destroy", resource);
"""


def read(who: Principal, *, fields: tuple = (ID,), thing=ORDERS) -> Case:
    return case(who, effect(Verb.READ, thing, fields=fields), offers=EVERYTHING)


def narrower(*cases: Case) -> tuple[dict[str, str], Judge]:
    judge = Judge(Bundle.load({"pack.cedar": PACK}))
    used = [Used(case=one, granted=frozenset()) for one in cases]
    assert all(judge.decide_anew(one).allowed for one in cases)
    files = narrowed(judge, uses(judge, used))
    return files, Judge(Bundle.load(files))


def test_it_allows_what_was_used_and_denies_the_rest_that_the_old_one_allowed() -> None:
    _, judge = narrower(read(EVE), read(BOT))
    for allowed in (read(EVE), read(BOT)):
        assert judge.decide_anew(allowed).allowed
    others = [
        read(EVE, thing=CUSTOMERS),
        read(DAN),
        case(EVE, effect(Verb.CHANGE, ORDERS, fields=(ID,)), offers=EVERYTHING),
        read(BOT, fields=(EMAIL,)),
    ]
    for other in others:
        assert Judge(Bundle.load({"pack.cedar": PACK})).decide_anew(other).allowed
        assert not judge.decide_anew(other).allowed


def test_a_permit_keeps_its_own_conditions_and_a_forbid_stays_as_it_is() -> None:
    files, judge = narrower(read(BOT))
    assert '@id("no-drops")' in files["pack.cedar"]
    assert '"postgres"' in files["pack.cedar"]
    assert '@id("dba-do-all")' not in files["pack.cedar"]
    assert [reason.policy for reason in judge.decide_anew(case(DAN, effect(Verb.DESTROY))).reasons] == ["no-drops"]


def test_of_several_permits_the_one_that_most_rests_on_is_kept() -> None:
    twice = Principal(id="both", kind=EVE.kind, issuer="config", groups=frozenset({"engineers", "dba"}))
    files, _ = narrower(read(EVE), read(twice))
    assert '@id("engineers-work")' in files["pack.cedar"]
    assert '@id("dba-do-all")' not in files["pack.cedar"]
