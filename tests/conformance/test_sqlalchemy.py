"""SQLAlchemy 2 over psycopg and asyncpg: reflection, the ORM's unit of work, upserts, RETURNING."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from sqlalchemy import (
    BigInteger,
    Connection,
    ForeignKey,
    MetaData,
    String,
    create_engine,
    func,
    inspect,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload
from sqlalchemy.pool import NullPool

from tests.conformance.gateway import Gateway

Run = Callable[[Callable[[Connection], object]], object]
_serial = count(1)


@pytest.fixture(params=["psycopg", "asyncpg"])
def run(request: pytest.FixtureRequest, development: Gateway) -> Iterator[Run]:
    """Runs a function with a connection of the driver in question, and commits."""
    if request.param == "psycopg":
        engine = create_engine(development.url(scheme="postgresql+psycopg"))

        def run_sync(work: Callable[[Connection], object]) -> object:
            with engine.begin() as connection:
                return work(connection)

        yield run_sync
        engine.dispose()
        return

    def run_async(work: Callable[[Connection], object]) -> object:
        async def inside() -> object:
            # SQLAlchemy hands asyncpg keywords, which knows no sslmode among them: TLS goes by a DSN's rules.
            url = development.url(scheme="postgresql+asyncpg").partition("?")[0]
            tls = {"ssl": development.trust()}
            made = create_async_engine(url, connect_args=tls, poolclass=NullPool)
            async with made.begin() as connection:
                done = await connection.run_sync(work)
            await made.dispose()
            return done

        return asyncio.run(inside())

    yield run_async


@pytest.mark.filterwarnings("ignore:Did not recognize type 'address':sqlalchemy.exc.SAWarning")
def test_reflection_finds_what_is_there(development: Gateway, run: Run) -> None:
    def reflect(connection: Connection) -> dict[str, object]:
        found = MetaData()
        found.reflect(connection, views=True)
        looking = inspect(connection)
        return {
            "tables": {
                name: [(c.name, str(c.type), c.nullable, c.primary_key) for c in table.columns]
                for name, table in found.tables.items()
                if name in ("customers", "orders", "kinds", "spending", "events", "numbers")
            },
            "foreign keys": looking.get_foreign_keys("orders"),
            "indexes": looking.get_indexes("orders"),
            "unique": looking.get_unique_constraints("customers"),
            "checks": looking.get_check_constraints("orders"),
            "comment": looking.get_table_comment("orders"),
            "views": looking.get_view_names(),
            "definition": looking.get_view_definition("spending"),
            "schemas": looking.get_schema_names(),
            "enums": looking.get_enums(),
            "domains": looking.get_domains(),
            "sequences": looking.get_sequence_names(),
        }

    direct = create_engine(development.shop.owner.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with direct.connect() as connection:
            expected = reflect(connection)
    finally:
        direct.dispose()
    assert run(reflect) == expected
    assert len(expected["tables"]) == 6


def test_the_unit_of_work(run: Run) -> None:
    prefix = f"mapped_{next(_serial)}"

    class Base(DeclarativeBase):
        pass

    class Author(Base):
        __tablename__ = f"{prefix}_authors"
        id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
        name: Mapped[str] = mapped_column(String(50), unique=True)
        books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")

    class Book(Base):
        __tablename__ = f"{prefix}_books"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str]
        author_id: Mapped[int] = mapped_column(ForeignKey(Author.id))
        author: Mapped[Author] = relationship(back_populates="books")

    def work(connection: Connection) -> None:
        Base.metadata.create_all(connection)
        with Session(connection) as session:
            session.add_all(
                Author(name=f"author {n}", books=[Book(title=f"{n}.{m}") for m in range(3)]) for n in range(20)
            )
            session.flush()
            loaded = session.scalars(select(Author).options(selectinload(Author.books)).order_by(Author.id)).all()
            assert [len(author.books) for author in loaded] == [3] * 20
            loaded[0].name = "renamed"
            loaded[1].books.pop()
            session.delete(loaded[2])
            session.flush()
            session.expire_all()
            assert session.scalar(select(func.count()).select_from(Book)) == 56
            assert session.get(Author, loaded[0].id).name == "renamed"
            with pytest.raises(IntegrityError), session.begin_nested():  # noqa: PT012 - it is told at the end
                session.add(Author(name="renamed"))
                session.flush()
            session.execute(update(Author).where(Author.id == loaded[3].id).values(name="bulk"))
            assert session.scalars(select(Author.name).where(Author.name == "bulk")).all() == ["bulk"]
        Base.metadata.drop_all(connection)

    run(work)


def test_upserts_and_returning(run: Run) -> None:
    key = 70_000_000 + next(_serial) * 100
    found = MetaData()

    def work(connection: Connection) -> None:
        found.reflect(connection, only=["notes"])
        notes = found.tables["notes"]
        rows = [{"id": key + n, "body": "first"} for n in range(5)]
        made = connection.execute(insert(notes).values(rows).returning(notes.c.id)).scalars().all()
        assert made == [key + n for n in range(5)]
        again = insert(notes).values(rows)
        upsert = again.on_conflict_do_update(index_elements=["id"], set_={"body": again.excluded.body + " again"})
        assert set(connection.execute(upsert.returning(notes.c.body)).scalars()) == {"first again"}
        assert connection.execute(again.on_conflict_do_nothing().returning(notes.c.id)).all() == []
        gone = notes.delete().where(notes.c.id.between(key, key + 99))
        assert connection.execute(gone).rowcount == 5

    run(work)


def test_a_denial_undoes_its_transaction_alone(run: Run) -> None:
    def refused(connection: Connection) -> None:
        connection.execute(text("DO 'BEGIN END'"))

    with pytest.raises(DBAPIError, match="interlock blocked"):
        run(refused)

    def nested(connection: Connection) -> object:
        with pytest.raises(DBAPIError), connection.begin_nested():
            refused(connection)
        return connection.scalar(text("SELECT 42"))

    assert run(nested) == 42
