"""The example of fuses: what the planner is asked about, and for whom."""

import pytest

from interlock.model import Fuse
from interlock.policy.activation import activate
from interlock.policy.bundle import BundleRefused
from interlock.policy.plan import NOTHING_PROMISED, Plan, obligation_text, parse_promise
from tests.architecture.repository import ROOT

EXAMPLE = {path.name: path.read_text() for path in (ROOT / "policies" / "examples" / "fuses").iterdir()}


def test_the_example_decides_its_cases() -> None:
    activate(EXAMPLE)
    with pytest.raises(BundleRefused):
        activate({name: text.replace("offers.contains", "findings.contains") for name, text in EXAMPLE.items()})


def test_of_two_fuses_the_smaller_counts() -> None:
    both = parse_promise("fuseRows=500").stricter(parse_promise("fuseRows=70, maxRows=9"))
    assert both == Plan(fuse_rows=70, max_rows=9)
    assert Fuse(rows=70) in both.obligations()
    assert obligation_text(Fuse(rows=70)) == "fuseRows=70"
    assert "fuseRows" not in NOTHING_PROMISED.facts()


@pytest.mark.parametrize("text", ["fuseRows", "fuseRows=", "fuseRows=-1", "fuseRows=many"])
def test_a_fuse_has_a_number(text: str) -> None:
    with pytest.raises(ValueError, match="is no promise"):
        parse_promise(text)
