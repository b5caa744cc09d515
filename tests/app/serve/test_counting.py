"""Counters of workers add up, and those of a worker that died are not lost."""

from prometheus_client import CollectorRegistry, generate_latest

from interlock.app.serve.counting import Counts, WorkerMetrics


def exposed(metrics: WorkerMetrics) -> str:
    registry = CollectorRegistry()
    registry.register(metrics)
    return generate_latest(registry).decode()


def worker(*verdicts: str, sessions: int = 0) -> Counts:
    counts = Counts()
    for verdict in verdicts:
        counts.command("shop", verdict)
    counts.sessions(sessions)
    counts.login("accepted")
    return counts


def test_workers_add_up() -> None:
    metrics = WorkerMetrics()
    metrics.report(1, worker("allow", "allow", "deny", sessions=2).snapshot())
    metrics.report(2, worker("allow", sessions=1).snapshot())
    text = exposed(metrics)
    assert 'interlock_commands_total{target="shop",verdict="allow"} 3.0' in text
    assert 'interlock_commands_total{target="shop",verdict="deny"} 1.0' in text
    assert 'interlock_logins_total{outcome="accepted"} 2.0' in text
    assert "interlock_sessions 3.0" in text


def test_a_newer_report_replaces_an_older_one() -> None:
    metrics = WorkerMetrics()
    metrics.report(1, worker("allow").snapshot())
    metrics.report(1, worker("allow", "allow").snapshot())
    assert 'verdict="allow"} 2.0' in exposed(metrics)


def test_what_a_dead_worker_counted_stays_and_its_sessions_are_gone() -> None:
    metrics = WorkerMetrics()
    metrics.report(1, worker("deny", sessions=5).snapshot())
    metrics.ended(1)
    metrics.report(1, worker("deny", sessions=1).snapshot())
    text = exposed(metrics)
    assert 'verdict="deny"} 2.0' in text
    assert "interlock_sessions 1.0" in text
