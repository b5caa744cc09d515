"""What lands is looked at once more: rows that were not among those that were judged are an alert, never silence."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from interlock.gate import Gate
from interlock.gateways.postgres.answering.due import Due
from interlock.gateways.postgres.landing.settling import Settler, Stage
from interlock.gateways.postgres.planning.steps import Group, Unit
from interlock.gateways.postgres.sending.queue import Settle
from interlock.ledger.leaf import Entry
from interlock.model import Session
from interlock.wire.postgres.messages import build_data_row
from tests.gate.settling import write
from tests.gate.stage import Stage as Ledger
from tests.intent.sql.shop import scope


@dataclass
class Notary(Ledger):
    """The gate's stage, which keeps what alerts say."""

    alerts: list[tuple[str, str, dict[str, int | str]]] = field(default_factory=list)

    def alert(
        self, alert: str, *, id: str, at: int, session: Session, unit: str, detail: Mapping[str, int | str]
    ) -> Entry:
        self.alerts.append((alert, unit, dict(detail)))
        return Ledger.alert(self, alert, id=id, at=at, session=session, unit=unit, detail=detail)


class Reading:
    """As far as settling reads: one catalogue."""

    catalog = scope().catalog


def row(*parts: object) -> bytes:
    return build_data_row(["\x01".join(map(str, parts)).encode()])


async def nothing() -> None:
    return None


@pytest.mark.parametrize(("later", "more"), [((0, 0, 3), 0), ((0, 0, 10_003), 10_000), ((7, 0, 3), 7)])
def test_work_that_hid_from_the_count_is_an_alert(later: Sequence[int], more: int) -> None:
    stage = Notary(decisions={})
    gate = Gate(judge=stage, journal=stage, scribe=stage, now=lambda: 0, new_id=lambda: "id")
    asked: list[tuple[bytes, Sequence[Due]]] = []
    silent: Any = None
    place = Stage(
        idle=nothing,
        failed=lambda: False,
        overflowed=lambda: False,
        reader=Reading(),  # type: ignore[arg-type]
        ground=silent,
        release=lambda own: None,
        withhold=lambda: None,
        undo=silent,
        look_again=lambda item, data, dues: asked.append((data, dues)),
        blame=silent,
    )
    unit = Unit(id="unit", begun=True, measured=True)
    ask = write("a")
    unit.ran[id(ask.intent)] = ask
    counted = [row(1, "public", "orders", "r", "w", 0, 0, 3), row("xid", 712, 7, "00000001")]
    asyncio.run(Settler(gate=gate, stage=place)(Settle(group=Group(id=1), unit=unit, counts=(counted,), lands=True)))
    ((data, dues),) = asked
    assert b"il_recount" in data
    (rows,) = [due.rows for due in dues if due.rows is not None]
    (done,) = [due.done for due in dues if due.done is not None]
    rows(row(1, *later))
    done()
    assert stage.alerts == ([("landed-more", "unit", {"relation 1": more})] if more else [])
    assert any("alert landed-more unit" in line for line in stage.said) is bool(more)
