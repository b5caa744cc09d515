"""pgbench in its three query modes: reads, and TPC-B's writes by key."""

import re
from collections.abc import Iterator

import pytest

from tests.conformance.clients import Done, Program, program
from tests.conformance.gateway import Gateway

MODES = ["simple", "extended", "prepared"]


@pytest.fixture(params=["18", "15"])
def pgbench(request: pytest.FixtureRequest) -> Program:
    return program(request.param)


@pytest.fixture(scope="module")
def tables(development: Gateway) -> Iterator[Gateway]:
    """pgbench's own tables, made by it, through the gateway: COPY, TRUNCATE, DDL and VACUUM."""
    made = run(program("15"), development, "-i", "-q", "-I", "tgvpf")
    assert made.code == 0, made.err
    yield development
    assert run(program("15"), development, "-i", "-I", "d").code == 0


def run(pgbench: Program, gateway: Gateway, *arguments: str) -> Done:
    return pgbench.run("pgbench", *arguments, pgbench.dsn(gateway))


def succeeded(done: Done, transactions: int) -> None:
    assert done.code == 0, done.err
    assert re.search(rf"actually processed: {transactions}/{transactions}\b", done.out), done.out
    assert "ERROR" not in done.err


@pytest.mark.parametrize("mode", MODES)
def test_reads(pgbench: Program, tables: Gateway, mode: str) -> None:
    succeeded(run(pgbench, tables, "-n", "-S", "-c", "4", "-t", "40", "-M", mode), 160)


@pytest.mark.parametrize("mode", MODES)
def test_writes_by_key(pgbench: Program, tables: Gateway, mode: str) -> None:
    before = tables.ask("SELECT count(*) FROM pgbench_history")[0][0]
    succeeded(run(pgbench, tables, "-n", "-c", "4", "-t", "15", "-M", mode), 60)
    assert tables.ask("SELECT count(*) FROM pgbench_history") == [(before + 60,)]
    sums = "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM pgbench_history)"
    assert tables.ask(sums) == [(True,)]


@pytest.mark.parametrize("mode", MODES)
def test_a_connection_for_each_transaction(pgbench: Program, tables: Gateway, mode: str) -> None:
    succeeded(run(pgbench, tables, "-n", "-S", "-C", "-c", "2", "-t", "4", "-M", mode), 8)


def test_pipelines(pgbench: Program, tables: Gateway, tmp_path) -> None:
    script = tmp_path / "pipeline.sql"
    script.write_text(
        "\\set aid random(1, 1000)\n"
        "\\startpipeline\n"
        "BEGIN;\n"
        "UPDATE pgbench_accounts SET abalance = abalance WHERE aid = :aid;\n"
        "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n"
        "END;\n"
        "SELECT count(*) FROM pgbench_branches;\n"
        "\\endpipeline\n"
    )
    succeeded(run(pgbench, tables, "-n", "-c", "4", "-t", "15", "-M", "extended", "-f", str(script)), 60)
