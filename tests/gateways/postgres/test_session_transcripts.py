"""A session from message to message: what the client sends, what reaches the target, what comes back."""

from tests.gateways.postgres.stage import (
    BOUND,
    BROKEN,
    CLOSED,
    COLUMNS,
    IDLE,
    NO_DATA,
    OPEN,
    PARSED,
    ROW,
    SUSPENDED,
    SYNC,
    Stage,
    bind,
    describe,
    done,
    error,
    execute,
    parse,
    query,
)

BEGUN = (BOUND, done("BEGIN"), CLOSED)
COMMITTED = (BOUND, done("COMMIT"), IDLE)


def test_a_read_goes_as_it_came() -> None:
    """One statement that reads needs nothing around it: the session is READ ONLY by itself."""
    stage = Stage()
    stage.client(query("SELECT id FROM orders"))
    stage.target(COLUMNS, ROW, done("SELECT 1"), IDLE)
    assert (
        stage.transcript()
        == """\
> Query SELECT id FROM orders
= allow SELECT id
  > Query SELECT id FROM public.orders
  < RowDescription
< RowDescription
  < DataRow
< DataRow
  < CommandComplete SELECT 1
< CommandComplete SELECT 1
  < ReadyForQuery I
= landed
< ReadyForQuery I"""
    )


def test_a_denial_never_reaches_the_target() -> None:
    """Nothing was sent, so the gateway answers alone, and the session stays usable."""
    stage = Stage()
    stage.client(query("DROP TABLE orders"))
    stage.client(query("SELECT id FROM orders"))
    assert (
        stage.transcript()
        == """\
> Query DROP TABLE orders
= deny DROP TABLE
= refused
< ErrorResponse 42501
< ReadyForQuery I
  (wait)
> Query SELECT id FROM orders
= allow SELECT id
  > Query SELECT id FROM public.orders"""
    )


def test_a_write_runs_in_the_gateways_own_transaction() -> None:
    """BEGIN READ WRITE and COMMIT are put around it, unseen by the client."""
    stage = Stage()
    stage.client(query("UPDATE orders SET status = 'x' WHERE id = 1"))
    stage.target(*BEGUN, PARSED, BOUND, NO_DATA, done("UPDATE 1"), *COMMITTED)
    assert (
        stage.transcript()
        == """\
> Query UPDATE orders SET status = 'x' WHERE id = 1
= allow UPDATE orders
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Parse - UPDATE public.orders SET status = 'x' WHERE id = 1
  > Bind - -
  > Describe
  > Execute -
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)
  < BindComplete
  < CommandComplete BEGIN
  < CloseComplete
  < ParseComplete
  < BindComplete
  < NoData
  < CommandComplete UPDATE 1
< CommandComplete UPDATE 1
  < BindComplete
  < CommandComplete COMMIT
  < ReadyForQuery I
= landed
< ReadyForQuery I"""
    )


def test_a_write_that_fails_is_rolled_back_before_the_client_hears_ready() -> None:
    """The client never sees the state of a transaction that is not its own."""
    stage = Stage()
    stage.client(query("UPDATE orders SET status = 'x' WHERE id = 1"))
    stage.target(*BEGUN, PARSED, BOUND, NO_DATA, error("23505"), BROKEN)
    stage.target(BOUND, done("ROLLBACK"), IDLE)
    assert (
        stage.transcript()
        == """\
> Query UPDATE orders SET status = 'x' WHERE id = 1
= allow UPDATE orders
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Parse - UPDATE public.orders SET status = 'x' WHERE id = 1
  > Bind - -
  > Describe
  > Execute -
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)
  < BindComplete
  < CommandComplete BEGIN
  < CloseComplete
  < ParseComplete
  < BindComplete
  < NoData
  < ErrorResponse 23505
< ErrorResponse 23505
  < ReadyForQuery E
= failed 23505
  > Bind il_rollback il_rollback
  > Execute il_rollback
  > Sync
  < BindComplete
  < CommandComplete ROLLBACK
  < ReadyForQuery I
< ReadyForQuery I"""
    )


def test_a_refusal_in_a_pipeline_fails_the_group_where_it_stands() -> None:
    """What was sent before must not land: an Execute that cannot succeed takes the refused command's place."""
    stage = Stage()
    stage.client(parse("SELECT id FROM orders"), bind(), execute(), parse("DROP TABLE orders"), bind(), execute(), SYNC)
    stage.target(*BEGUN, PARSED, BOUND, ROW, done("SELECT 1"), error("34000"), BROKEN)
    stage.target(BOUND, done("ROLLBACK"), IDLE)
    assert (
        stage.transcript()
        == """\
> Parse - SELECT id FROM orders
> Bind - -
> Execute -
> Parse - DROP TABLE orders
> Bind - -
> Execute -
> Sync
= allow SELECT id
= deny DROP TABLE
= refused
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Parse - SELECT id FROM public.orders
  > Bind - -
  > Execute -
  > Execute il_refused
  > Sync
  (wait)
  < BindComplete
  < CommandComplete BEGIN
  < CloseComplete
  < ParseComplete
< ParseComplete
  < BindComplete
< BindComplete
  < DataRow
< DataRow
  < CommandComplete SELECT 1
< CommandComplete SELECT 1
  < ErrorResponse 34000
< ErrorResponse 42501
  < ReadyForQuery E
= undone
  > Bind il_rollback il_rollback
  > Execute il_rollback
  > Sync
  < BindComplete
  < CommandComplete ROLLBACK
  < ReadyForQuery I
< ReadyForQuery I"""
    )


def test_a_refusal_in_a_transaction_leaves_it_failed() -> None:
    """As an error of PostgreSQL's would: ROLLBACK is what remains."""
    stage = Stage()
    stage.client(query("BEGIN"))
    stage.target(done("BEGIN"), OPEN)
    stage.client(query("DROP TABLE orders"))
    stage.target(error("34000"), BROKEN)
    stage.client(query("ROLLBACK"))
    stage.target(done("ROLLBACK"), IDLE)
    assert (
        stage.transcript()
        == """\
> Query BEGIN
= allow BEGIN
  > Query BEGIN
READ WRITE
  (wait)
  < CommandComplete BEGIN
< CommandComplete BEGIN
  < ReadyForQuery T
= ran
< ReadyForQuery T
> Query DROP TABLE orders
= deny DROP TABLE
= refused
  > Execute il_refused
  > Sync
  (wait)
  < ErrorResponse 34000
< ErrorResponse 42501
  < ReadyForQuery E
< ReadyForQuery E
> Query ROLLBACK
= allow ROLLBACK
  > Query ROLLBACK
  (wait)
  < CommandComplete ROLLBACK
= ran
= unit undone
< CommandComplete ROLLBACK
  < ReadyForQuery I
< ReadyForQuery I"""
    )


def test_nothing_of_a_query_runs_when_any_of_it_is_refused() -> None:
    """A simple Query is one group, and it is refused before its first statement is sent."""
    stage = Stage()
    stage.client(query("SELECT id FROM orders; DROP TABLE orders; SELECT 1"))
    assert (
        stage.transcript()
        == """\
> Query SELECT id FROM orders; DROP TABLE orders; SELECT 1
= allow SELECT id
= deny DROP TABLE
= refused
= undone
< ErrorResponse 42501
  (wait)
< ReadyForQuery I
  (wait)"""
    )


def test_statements_of_one_query_land_together() -> None:
    """They go upstream as one group with one Sync, and the client sees results alone."""
    stage = Stage()
    stage.client(query("SELECT 1; INSERT INTO orders (id, customer_id) VALUES (1, 1)"))
    stage.target(*BEGUN, PARSED, BOUND, COLUMNS, ROW, done("SELECT 1"))
    stage.target(PARSED, BOUND, NO_DATA, done("INSERT 0 1"), *COMMITTED)
    assert (
        stage.transcript()
        == """\
> Query SELECT 1; INSERT INTO orders (id, customer_id) VALUES (1, 1)
= allow SELECT 1
= allow INSERT INTO
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Parse - SELECT 1
  > Bind - -
  > Describe
  > Execute -
  > Parse - INSERT INTO public.orders (id, customer_id) VALUES (1, 1)
  > Bind - -
  > Describe
  > Execute -
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)
  < BindComplete
  < CommandComplete BEGIN
  < CloseComplete
  < ParseComplete
  < BindComplete
  < RowDescription
< RowDescription
  < DataRow
< DataRow
  < CommandComplete SELECT 1
< CommandComplete SELECT 1
  < ParseComplete
  < BindComplete
  < NoData
  < CommandComplete INSERT 0 1
< CommandComplete INSERT 0 1
  < BindComplete
  < CommandComplete COMMIT
  < ReadyForQuery I
= landed
= landed
< ReadyForQuery I"""
    )


def test_a_prepared_statement_is_judged_again_at_bind() -> None:
    """Parse brings one decision for itself; the Bind in the same batch brings its own, and covers it."""
    stage = Stage()
    stage.client(parse("SELECT id FROM orders WHERE id = $1", "a"), bind("a", values=[b"1"]), execute(), SYNC)
    stage.target(PARSED, BOUND, ROW, done("SELECT 1"), IDLE)
    stage.client(bind("a", values=[b"2"]), execute(), SYNC)
    assert (
        stage.transcript()
        == """\
> Parse a SELECT id FROM orders WHERE id = $1
> Bind - a
> Execute -
> Sync
= allow SELECT id
  > Parse a SELECT id FROM public.orders WHERE id = $1
  > Bind - a
  > Execute -
  > Sync
  < ParseComplete
< ParseComplete
  < BindComplete
< BindComplete
  < DataRow
< DataRow
  < CommandComplete SELECT 1
< CommandComplete SELECT 1
  < ReadyForQuery I
= landed
< ReadyForQuery I
> Bind - a
> Execute -
> Sync
= allow SELECT id
  > Bind - a
  > Execute -
  > Sync"""
    )


def test_a_parse_alone_is_an_act() -> None:
    """Preparing can run code (threats.md 1): it is decided and recorded like everything else."""
    stage = Stage()
    stage.client(parse("SELECT id FROM orders", "a"), SYNC)
    stage.client(parse("DROP TABLE orders", "b"), SYNC)
    assert (
        stage.transcript()
        == """\
> Parse a SELECT id FROM orders
> Sync
= allow SELECT id
  > Parse a SELECT id FROM public.orders
  > Sync
> Parse b DROP TABLE orders
> Sync
= deny DROP TABLE
= refused"""
    )


def test_what_is_prepared_without_sync_ends_its_own_transaction() -> None:
    """asyncpg prepares, flushes, and goes on: the group is free to begin a READ WRITE one later."""
    stage = Stage()
    stage.client(parse("UPDATE orders SET status = 'x' WHERE id = $1", "a"), describe("a"))
    stage.target(PARSED, NO_DATA, IDLE)
    stage.client(bind("a", values=[b"1"]), execute(), SYNC)
    assert (
        stage.transcript()
        == """\
> Parse a UPDATE orders SET status = 'x' WHERE id = $1
> Describe
= allow UPDATE orders
  > Parse a UPDATE public.orders SET status = 'x' WHERE id = $1
  > Describe
  > Sync
  < ParseComplete
< ParseComplete
  < NoData
< NoData
  < ReadyForQuery I
= landed
> Bind - a
> Execute -
> Sync
= allow UPDATE orders
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Bind - a
  > Execute -
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)"""
    )


def test_an_answer_is_cut_at_its_limit() -> None:
    """One row more than may pass is asked for, and shows that there are more."""
    stage = Stage()
    stage.client(query("SELECT name FROM customers"))
    stage.target(PARSED, BOUND, COLUMNS, ROW, ROW, ROW, SUSPENDED, IDLE)
    assert (
        stage.transcript()
        == """\
> Query SELECT name FROM customers
= allow SELECT name
  > Parse - SELECT name FROM public.customers
  > Bind - -
  > Describe
  > Execute - 3
  > Sync
  < ParseComplete
  < BindComplete
  < RowDescription
< RowDescription
  < DataRow
< DataRow
  < DataRow
< DataRow
  < DataRow
  < PortalSuspended
< ErrorResponse 54000
  < ReadyForQuery I
= failed 54000
< ReadyForQuery I"""
    )


def test_an_answer_within_its_limit_passes() -> None:
    stage = Stage()
    stage.client(query("SELECT name FROM customers"))
    stage.target(PARSED, BOUND, COLUMNS, ROW, ROW, done("SELECT 2"), IDLE)
    assert (
        stage.transcript()
        == """\
> Query SELECT name FROM customers
= allow SELECT name
  > Parse - SELECT name FROM public.customers
  > Bind - -
  > Describe
  > Execute - 3
  > Sync
  < ParseComplete
  < BindComplete
  < RowDescription
< RowDescription
  < DataRow
< DataRow
  < DataRow
< DataRow
  < CommandComplete SELECT 2
< CommandComplete SELECT 2
  < ReadyForQuery I
= landed
< ReadyForQuery I"""
    )


def test_a_confined_read_in_a_transaction_that_may_write_is_bracketed() -> None:
    """SAVEPOINT, read only, RELEASE; and a pause, because its limit may fail the group."""
    stage = Stage()
    stage.client(query("BEGIN"))
    stage.target(done("BEGIN"), OPEN)
    stage.client(query("SELECT name FROM customers"))
    assert (
        stage.transcript()
        == """\
> Query BEGIN
= allow BEGIN
  > Query BEGIN
READ WRITE
  (wait)
  < CommandComplete BEGIN
< CommandComplete BEGIN
  < ReadyForQuery T
= ran
< ReadyForQuery T
> Query SELECT name FROM customers
= allow SELECT name
  > Bind il_mark il_mark
  > Execute il_mark
  > Close
  > Bind il_confine il_confine
  > Execute il_confine
  > Close
  > Parse - SELECT name FROM public.customers
  > Bind - -
  > Describe
  > Execute - 3
  > Bind il_release il_release
  > Execute il_release
  > Close
  (pause)
  > Sync"""
    )


def test_an_aborted_commit_is_no_landing() -> None:
    """COMMIT of a failed transaction answers ROLLBACK, without an error (threats.md 20)."""
    stage = Stage()
    stage.client(query("BEGIN"))
    stage.target(done("BEGIN"), OPEN)
    stage.client(query("COMMIT"))
    stage.target(done("ROLLBACK"), IDLE)
    assert (
        stage.transcript()
        == """\
> Query BEGIN
= allow BEGIN
  > Query BEGIN
READ WRITE
  (wait)
  < CommandComplete BEGIN
< CommandComplete BEGIN
  < ReadyForQuery T
= ran
< ReadyForQuery T
> Query COMMIT
= allow COMMIT
  > Query COMMIT
  (wait)
  < CommandComplete ROLLBACK
= ran
= unit undone
< CommandComplete ROLLBACK
  < ReadyForQuery I
< ReadyForQuery I"""
    )


def test_a_name_that_the_target_holds_is_never_taken_over() -> None:
    """The second PREPARE fails there, so EXECUTE must still be judged as the first."""
    stage = Stage()
    stage.client(query("PREPARE a AS UPDATE orders SET status = 'x' WHERE id = 1"))
    stage.target(PARSED, BOUND, NO_DATA, done("PREPARE"), IDLE)
    stage.client(query("PREPARE a AS SELECT id FROM orders"))
    stage.target(PARSED, BOUND, NO_DATA, error("42P05"), IDLE)
    stage.client(query("EXECUTE a"))
    assert (
        stage.transcript()
        == """\
> Query PREPARE a AS UPDATE orders SET status = 'x' WHERE id = 1
= allow PREPARE a
  > Parse - PREPARE a AS UPDATE orders SET status = 'x' WHERE id = 1
  > Bind - -
  > Describe
  > Execute -
  > Sync
  < ParseComplete
  < BindComplete
  < NoData
  < CommandComplete PREPARE
< CommandComplete PREPARE
  < ReadyForQuery I
= landed
< ReadyForQuery I
> Query PREPARE a AS SELECT id FROM orders
= allow PREPARE a
  > Parse - PREPARE a AS SELECT id FROM orders
  > Bind - -
  > Describe
  > Execute -
  > Sync
  < ParseComplete
  < BindComplete
  < NoData
  < ErrorResponse 42P05
< ErrorResponse 42P05
  < ReadyForQuery I
= failed 42P05
< ReadyForQuery I
> Query EXECUTE a
= allow EXECUTE a
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Parse - EXECUTE a
  > Bind - -
  > Describe
  > Execute -
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)"""
    )


def test_a_query_destroys_the_unnamed_statement() -> None:
    """A Bind behind it finds nothing, whatever the target still holds."""
    stage = Stage()
    stage.client(parse("SELECT id FROM orders"), SYNC)
    stage.target(PARSED, IDLE)
    stage.client(query("SELECT 1"))
    stage.target(COLUMNS, ROW, done("SELECT 1"), IDLE)
    stage.client(bind(), execute(), SYNC)
    assert (
        stage.transcript()
        == """\
> Parse - SELECT id FROM orders
> Sync
= allow SELECT id
  > Parse - SELECT id FROM public.orders
  > Sync
  < ParseComplete
< ParseComplete
  < ReadyForQuery I
= landed
< ReadyForQuery I
> Query SELECT 1
= allow SELECT 1
  > Query SELECT 1
  < RowDescription
< RowDescription
  < DataRow
< DataRow
  < CommandComplete SELECT 1
< CommandComplete SELECT 1
  < ReadyForQuery I
= landed
< ReadyForQuery I
> Bind - -
> Execute -
> Sync
< ErrorResponse 26000
< ReadyForQuery I"""
    )


def test_copy_data_waits_for_the_target_to_ask() -> None:
    """Sync sent behind COPY FROM STDIN would be taken for data: it is held back."""
    stage = Stage()
    stage.client(parse("COPY orders FROM STDIN"), bind(), execute(), SYNC)
    assert (
        stage.transcript()
        == """\
> Parse - COPY orders FROM STDIN
> Bind - -
> Execute -
> Sync
= allow COPY orders
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Parse - COPY public.orders FROM STDIN
  > Bind - -
  > Execute -
  (intake)
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)"""
    )


def test_a_parse_that_comes_alone_leaves_room_for_the_begin_of_its_write() -> None:
    """Analysing the statement took a snapshot: only a transaction that begins behind our Sync may become READ WRITE."""
    stage = Stage()
    stage.client(parse("INSERT INTO orders (id) VALUES ($1)", "s"))
    stage.target(PARSED, IDLE)
    stage.client(bind("s", values=[b"1"]), execute())
    stage.client(bind("s", values=[b"2"]), execute(), SYNC)
    assert (
        stage.transcript()
        == """\
> Parse s INSERT INTO orders (id) VALUES ($1)
= allow INSERT INTO
  > Parse s INSERT INTO public.orders (id) VALUES ($1)
  > Sync
  < ParseComplete
< ParseComplete
  < ReadyForQuery I
= landed
> Bind - s
> Execute -
= allow INSERT INTO
  > Bind il_begin il_begin
  > Execute il_begin
  > Close
  > Bind - s
  > Execute -
> Bind - s
> Execute -
> Sync
= allow INSERT INTO
  > Bind - s
  > Execute -
  > Bind il_commit il_commit
  > Execute il_commit
  > Sync
  (wait)"""
    )


def test_a_query_may_prepare_and_run_what_it_prepared_many_times_over() -> None:
    """What stands behind a PREPARE is read by the name it gave; a thousand of them are read once each."""
    stage = Stage()
    pairs = "; ".join(f"PREPARE p{n} AS SELECT id FROM orders WHERE id = {n}; EXECUTE p{n}" for n in range(450))
    stage.client(query(f"{pairs}; EXECUTE p3; EXECUTE nobody"))
    said = stage.transcript().split("\n")
    assert said.count("= allow EXECUTE p449") == 1
    assert said.count("= allow EXECUTE p3") == 2
    assert said.count("= deny EXECUTE nobody") == 1
