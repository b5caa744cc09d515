"""What an operator can watch of the supervisor."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest

from interlock.app.serve.watching import Reading, SupervisorMetrics


def test_the_supervisor_is_read_when_it_is_asked(tmp_path: Path) -> None:
    ledger = tmp_path / "records.db"
    ledger.write_bytes(bytes(1000))
    readings = [
        Reading(
            uptime=12.5,
            policy="sha256:abc",
            workers=2,
            restarts=1,
            reloads={"done": 3, "refused": 1},
            records=99,
            waiting=4,
            space_low=low,
            ledger=ledger,
        )
        for low in (True, False)
    ]
    registry = CollectorRegistry()
    registry.register(SupervisorMetrics(readings.pop))
    text = generate_latest(registry).decode()
    for line in (
        "interlock_uptime_seconds 12.5",
        'interlock_policy_info{digest="sha256:abc"} 1.0',
        "interlock_workers 2.0",
        "interlock_worker_restarts_total 1.0",
        'interlock_reloads_total{outcome="refused"} 1.0',
        "interlock_ledger_records 99.0",
        "interlock_ledger_bytes 1000.0",
        "interlock_ledger_waiting 4.0",
        "interlock_ledger_space_low 0.0",
    ):
        assert line in text.splitlines()
    assert len(readings) == 1, "registering asked a supervisor that may not have begun"
    ledger.with_name("records.db-wal").write_bytes(bytes(500))
    text = generate_latest(registry).decode()
    assert "interlock_ledger_bytes 1500.0" in text
    assert "interlock_ledger_space_low 1.0" in text
