"""psql 18 and 15, as people use it: what it prints through the gateway is what it prints without."""

import re
import signal
import subprocess
import threading

import pytest

from tests.conformance.clients import SECONDS, Done, Program, counting_to, program
from tests.conformance.gateway import TARGET, Gateway, clean_environment

# Sizes change while others write; ours is another database name, user and address.
LISTINGS = r"""
\d
\dt
\dt pg_catalog.pg_am
\di
\ds
\dv
\df
\df+ add_one
\dn
\dn+
\du
\dg
\dT
\dT+
\dD
\dp
\ddp
\dx
\dx+
\dy
\db
\dc
\dC
\dd
\do =
\da sum
\dL
\dO
\dF
\dm
\dP
\dX
\des
\dew
\det
\deu
\dRp
\dRs
\drds
\dAc btree
\d orders
\d+ orders
\d customers
\d kinds
\d spending
\d+ spending
\d events
\d+ events
\d events_2026
\d orders_by_customer
\d customers_id_seq
\sf add_one
\sv spending
\encoding
"""

STATEMENTS = r"""
\set who 'Ada'
\pset null (null)
select * from customers where name = :'who' \gx
select id, total from orders order by id;
select 1 as a, 'x' as b \gset p_
\echo :p_a :p_b
select 1 \; select 2 \; select 3;
select * from orders \gdesc
select format('select %s', n) from numbers where n < 3 \gexec
select id, customer_id, total from orders order by id \crosstabview id customer_id total
select * from kinds order by id;
\x
select * from kinds where id = 1;
\x
begin;
select nosuch from notes;
select 1;
rollback;
select 1/0;
\errverbose
select 'over
two lines';
set statement_timeout = '5s'; show statement_timeout; reset statement_timeout;
explain (costs off) select * from orders where id = 1;
prepare p(int) as select $1 + 1;
execute p(2);
deallocate p;
begin; declare c cursor for select n from numbers order by n; fetch 3 from c; move 2 in c; fetch backward 1 from c;
close c; commit;
\set FETCH_COUNT 2
select n from numbers order by n limit 5;
\set FETCH_COUNT 0
begin isolation level serializable read only; select count(*) from orders; commit and chain; select 2; end;
values (1, 'a'), (2, NULL);
table parents;
;
-- nothing but a comment
select 1 as "üñí", '☃' as snow;
copy (select n, square from numbers order by n limit 3) to stdout;
copy (select n, square from numbers order by n limit 3) to stdout (format csv, header);
\copy (select id, name from customers order by id) to stdout with csv header
"""


@pytest.fixture(params=["18", "15"])
def psql(request: pytest.FixtureRequest) -> Program:
    return program(request.param)


def run(psql: Program, gateway: Gateway, script: str, *arguments: str, **environment: str) -> Done:
    return psql.run("psql", "-X", *arguments, psql.dsn(gateway), script=script, **environment)


def both(psql: Program, gateway: Gateway, script: str) -> tuple[list[str], list[str]]:
    """What a script prints without the gateway, and through it."""
    arguments = ("-X", "-a", "-v", "VERBOSITY=terse")
    direct = psql.run("psql", *arguments, gateway.shop.owner, script=script)
    through = psql.run("psql", *arguments, psql.dsn(gateway), script=script)
    return [(done.out + done.err).splitlines() for done in (direct, through)]


def test_what_backslash_commands_list(psql: Program, development: Gateway) -> None:
    direct, through = both(psql, development, LISTINGS)
    assert through == direct
    assert len(through) > 500


def test_sizes_and_databases_are_listed(psql: Program, development: Gateway) -> None:
    script = "\\dt+\n\\di+\n\\conninfo\n"
    if psql.version == "18" or development.shop.server_version == "15":
        script += "\\l\n\\l+\n"  # older ones ask about columns that newer servers have renamed
    done = run(psql, development, script, "-v", "ON_ERROR_STOP=1")
    assert done.code == 0, done.err
    assert TARGET in done.out


def test_statements_print_the_same(psql: Program, development: Gateway) -> None:
    direct, through = both(psql, development, STATEMENTS)
    assert through == direct
    assert len(through) > 200


def test_a_syntax_error_shows_its_place(psql: Program, development: Gateway) -> None:
    done = run(psql, development, "select *\nform orders;\nselect 42;\n", "-At")
    assert done.lines == ["42"]
    assert done.err.splitlines()[1:3] == ["LINE 2: form orders;", "        ^"]


def test_copy_in_by_backslash_and_by_statement(psql: Program, development: Gateway) -> None:
    script = """\
\\copy loads (id, word) from stdin
1\tone
2\ttwo
\\.
copy loads (id, word) from stdin;
3\tthree
\\.
select id, word from loads order by id;
\\copy loads (id, word) from stdin
x\tbad
\\.
select count(*) from loads;
delete from loads where id in (1, 2, 3);
"""
    done = run(psql, development, script, "-At")
    assert done.lines == ["COPY 2", "COPY 1", "1|one", "2|two", "3|three", "3", "DELETE 3"]
    assert 'invalid input syntax for type integer: "x"' in done.err


def test_a_refused_copy_leaves_the_session_usable(psql: Program, production: Gateway) -> None:
    if psql.version == "18":
        pytest.skip("the wheel's psql has no TLS, which production requires")
    done = run(psql, production, "copy orders to stdout;\n\\copy customers to stdout\nselect 41 + 1;\n", "-At")
    assert done.lines == ["42"]
    assert done.err.count("interlock held export on") == 2


def test_on_error_stop_ends_a_script(psql: Program, development: Gateway) -> None:
    done = run(psql, development, "select 1;\ndo 'begin end';\nselect 2;\n", "-At", "-v", "ON_ERROR_STOP=1")
    assert (done.code, done.lines) == (3, ["1"])
    assert "interlock blocked" in done.err


def test_a_script_in_one_transaction_leaves_nothing_when_refused(psql: Program, development: Gateway) -> None:
    script = "insert into notes (id, body) values (100, 'a');\ndo 'begin end';\n"
    done = run(psql, development, script, "-1", "-v", "ON_ERROR_STOP=1")
    assert done.code == 3
    assert development.ask("SELECT count(*) FROM notes WHERE id = 100") == [(0,)]


def test_error_rollback_uses_savepoints(psql: Program, development: Gateway) -> None:
    script = """\
\\set ON_ERROR_ROLLBACK on
begin;
insert into notes (id, body) values (110, 'kept');
insert into notes (id, body) values (110, 'twice');
do 'begin end';
insert into notes (id, body) values (111, 'kept too');
commit;
select id, body from notes where id in (110, 111) order by id;
delete from notes where id in (110, 111);
"""
    done = run(psql, development, script, "-At")
    assert done.lines[-3:] == ["110|kept", "111|kept too", "DELETE 2"]
    assert "duplicate key" in done.err
    assert "interlock blocked" in done.err


def test_several_statements_in_one_string_are_atomic(psql: Program, development: Gateway) -> None:
    text = "insert into notes (id) values (120); insert into notes (id) values (120)"
    done = run(psql, development, "", "-c", text)
    assert "duplicate key" in done.err
    assert development.ask("SELECT count(*) FROM notes WHERE id = 120") == [(0,)]
    done = run(psql, development, "", "-At", "-c", "select 1; select 2", "-c", "select 3")
    assert done.lines == ["1", "2", "3"]


def test_autocommit_off(psql: Program, development: Gateway) -> None:
    script = """\
\\set AUTOCOMMIT off
insert into notes (id) values (130);
rollback;
select count(*) from notes where id = 130;
commit;
"""
    assert run(psql, development, script, "-At").lines == ["INSERT 0 1", "ROLLBACK", "0", "COMMIT"]


def test_structures_come_and_go(psql: Program, development: Gateway) -> None:
    table = f"made_by_psql_{psql.version}"
    script = f"""\
create table {table} (a int primary key, b text);
insert into {table} values (1, 'a'), (2, 'b');
insert into {table} values (2, 'c') on conflict (a) do update set b = excluded.b returning b;
alter table {table} add c int default 5;
create index concurrently {table}_b on {table} (b);
begin; create table {table}_2 as select * from {table}; select count(*) from {table}_2; rollback;
select * from {table} order by a;
vacuum {table};
\\d {table}
truncate {table};
drop table {table};
create temp table {table} (a int); insert into {table} values (7); select * from {table}; drop table {table};
"""
    done = run(psql, development, script, "-At", "-v", "ON_ERROR_STOP=1")
    assert done.code == 0, done.err
    assert {"1|a|5", "2|c|5", "7"} <= set(done.lines)


def test_watch_and_timing(psql: Program, development: Gateway) -> None:
    if psql.version == "15":
        pytest.skip("\\watch counts since psql 16")
    done = run(psql, development, "\\timing on\nselect 7 as seven \\watch i=0.01 c=3\n", "-At")
    assert done.out.count("\n7\n") == 3
    assert len(re.findall(r"^Time: [\d.]+ ms", done.out, re.MULTILINE)) == 3


def test_watch_goes_on_until_it_is_interrupted(psql: Program, development: Gateway) -> None:
    with Interactive(psql, development) as session:
        session.say("select 'tick' \\watch 0.02")
        for _ in range(3):
            session.wait_for("tick")
        session.interrupt()
        session.say("\\q")
        session.wait_for_the_end()


def test_an_interrupt_cancels_a_long_query_and_nothing_else(psql: Program, development: Gateway) -> None:
    with Interactive(psql, development) as session, Interactive(psql, development) as other:
        other.say("select 'begun' as other; select count(*) || ' counted' from generate_series(1, 3000000);")
        session.say("select 'begun' as mine;")
        session.wait_for("begun")
        other.wait_for("begun")
        session.say(counting_to(2000000000) + ";")
        development.wait_until_active("2000000000")
        session.interrupt()
        session.wait_for("canceling statement due to user request")
        other.wait_for("3000000 counted")


class Interactive:
    """A psql that is talked to while it runs."""

    def __init__(self, psql: Program, gateway: Gateway) -> None:
        self._process = subprocess.Popen(
            [psql.binaries / "psql", "-X", "-At", psql.dsn(gateway)],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )

    def __enter__(self) -> "Interactive":
        return self

    def __exit__(self, *failure: object) -> None:
        self._process.kill()
        self._process.communicate()

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait_for(self, words: str) -> None:
        """Reads on until a line holds these words; a psql that says nothing more ends the test."""
        assert self._process.stdout is not None
        hangs = threading.Timer(SECONDS, self._process.kill)
        hangs.start()
        heard: list[str] = []
        while words not in "".join(heard[-1:]):
            line = self._process.stdout.readline()
            assert line, f"never said `{words}`: {heard}"
            heard.append(line)
        hangs.cancel()

    def wait_for_the_end(self) -> None:
        self._process.communicate(timeout=SECONDS)

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)
