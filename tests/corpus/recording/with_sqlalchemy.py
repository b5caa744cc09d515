"""SQLAlchemy 2 as applications and as exploring tools use it; the URL is the argument."""

import sys
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    contains_eager,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
    subqueryload,
)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    name: Mapped[str]
    country: Mapped[str]
    created_at: Mapped[datetime]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    customer_id: Mapped[int] = mapped_column(sa.ForeignKey("customers.id"))
    status: Mapped[str] = mapped_column(sa.Enum("new", "paid", "shipped", "returned", name="order_status"))
    total: Mapped[float | None] = mapped_column(sa.Numeric)
    placed_at: Mapped[datetime]
    note: Mapped[str | None]
    customer: Mapped[Customer] = relationship(back_populates="orders")
    items: Mapped[list["Item"]] = relationship()


class Item(Base):
    __tablename__ = "order_items"
    order_id: Mapped[int] = mapped_column(sa.ForeignKey("orders.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int | None]
    quantity: Mapped[int]


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    author_id: Mapped[int | None]
    body: Mapped[str | None]
    pinned: Mapped[bool] = mapped_column(server_default=sa.text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now())


class Category(Base):
    __tablename__ = "categories"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True, autoincrement=False)
    parent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("categories.id"))
    name: Mapped[str]


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(sa.BigInteger, primary_key=True)
    sku: Mapped[str]
    title: Mapped[str]
    price: Mapped[float] = mapped_column(sa.Numeric)
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text))
    attributes: Mapped[dict[str, object]] = mapped_column(JSONB)


def reads(session: Session) -> None:
    """Loading as pages of an application do."""
    customer = session.get(Customer, 1)
    assert customer is not None
    _ = [order.items for order in customer.orders]
    session.refresh(customer)
    session.expire_all()
    _ = customer.name
    for load in (joinedload, selectinload, subqueryload):
        session.scalars(sa.select(Order).options(load(Order.items)).where(Order.id.in_([1, 2, 3]))).unique().all()
    session.scalars(sa.select(Customer).options(selectinload(Customer.orders).selectinload(Order.items)).limit(2)).all()
    session.scalars(
        sa.select(Order).options(joinedload(Order.items)).order_by(Order.id).limit(2).offset(1)
    ).unique().all()
    joined = sa.select(Order).join(Order.customer).options(contains_eager(Order.customer))
    session.scalars(joined.where(Customer.country == "DE")).all()
    session.scalar(sa.select(sa.func.count()).select_from(Note))
    session.scalar(sa.select(sa.func.count()).select_from(sa.select(Note).where(Note.pinned).subquery()))
    session.scalar(sa.select(sa.exists().where(Note.id == 1)))
    session.scalars(sa.select(Customer).where(Customer.orders.any(Order.total > 10))).all()
    session.scalars(sa.select(Order).where(Order.customer.has(Customer.country == "FR"))).all()
    session.execute(
        sa.select(Order.status, sa.func.sum(Order.total)).group_by(Order.status).having(sa.func.count() > 1)
    ).all()
    ranked = sa.func.row_number().over(partition_by=Order.customer_id, order_by=Order.placed_at.desc()).label("place")
    inner = sa.select(Order.id, ranked).subquery()
    session.execute(sa.select(inner.c.id).where(inner.c.place == 1)).all()
    tree = (
        sa.select(Category.id, Category.parent_id, Category.name)
        .where(Category.parent_id.is_(None))
        .cte(recursive=True)
    )
    child = aliased(Category)
    tree = tree.union_all(sa.select(child.id, child.parent_id, child.name).where(child.parent_id == tree.c.id))
    session.execute(sa.select(tree)).all()
    session.scalars(sa.select(Product).where(Product.tags.contains(["a"]), Product.attributes["a"].astext == "1")).all()
    session.scalars(
        sa.select(Product).where(Product.title.ilike("%thing%")).order_by(Product.price.desc().nulls_last())
    ).all()
    last = sa.select(sa.func.max(Order.placed_at)).where(Order.customer_id == Customer.id).scalar_subquery()
    session.execute(sa.select(Customer.id, last.label("last"))).all()
    latest = (
        sa.select(Order).where(Order.customer_id == Customer.id).order_by(Order.placed_at.desc()).limit(1).lateral()
    )
    session.execute(sa.select(Customer.id, latest.c.id).join(latest, sa.true())).all()
    session.execute(sa.union_all(sa.select(Note.id), sa.select(Order.id)).order_by("id").limit(5)).all()
    session.scalars(sa.select(Note).where(Note.id == 1).with_for_update(skip_locked=True)).all()
    session.scalars(
        sa.select(Note).where(sa.tuple_(Note.created_at, Note.id) > (datetime(2024, 5, 1, tzinfo=UTC), 1)).limit(3)
    ).all()
    for _ in session.scalars(sa.select(Note.body).execution_options(yield_per=2)):
        pass
    session.rollback()


def writes(session: Session) -> None:
    """What a unit of work sends."""
    session.add(Note(id=101, author_id=1, body="one"))
    session.flush()
    session.add_all([Note(id=at, body=f"note {at}") for at in range(102, 106)])
    session.commit()
    note = session.get(Note, 101)
    assert note is not None
    note.body, note.pinned = "changed", True
    session.commit()
    for at in (102, 103):
        found = session.get(Note, at)
        assert found is not None
        found.body = "both"
    session.commit()
    session.delete(note)
    session.commit()
    session.execute(sa.insert(Note), [{"id": 110, "body": "a"}, {"id": 111, "body": "b"}])
    session.scalars(
        sa.insert(Category).returning(Category.id), [{"id": 20, "name": "x"}, {"id": 21, "name": "y"}]
    ).all()
    session.execute(sa.update(Note), [{"id": 110, "body": "c"}, {"id": 111, "body": "d"}])
    session.execute(sa.update(Note).where(Note.id == 110).values(body=sa.func.upper(Note.body)))
    session.execute(sa.update(Note).where(Note.id.in_([110, 111])).values(pinned=True).returning(Note.id)).all()
    session.execute(sa.delete(Note).where(Note.id == 111))
    upsert = insert(Category).values(id=20, name="z")
    session.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={"name": upsert.excluded.name}))
    session.execute(insert(Category).values(id=20, name="z").on_conflict_do_nothing())
    session.commit()
    with session.begin_nested():
        session.add(Note(id=120, body="inside a savepoint"))
    session.rollback()


def explores(engine: sa.Engine) -> None:
    """What a tool for exploring sends: schemas and tables first, then samples, groupings and counts."""
    inspector = sa.inspect(engine)
    for schema in inspector.get_schema_names():
        if not schema.startswith(("pg_", "information")):
            inspector.get_table_names(schema=schema)
            inspector.get_view_names(schema=schema)
            inspector.get_materialized_view_names(schema=schema)
    inspector.get_columns("orders")
    inspector.get_pk_constraint("orders")
    inspector.get_foreign_keys("orders")
    inspector.get_indexes("orders")
    inspector.get_unique_constraints("orders")
    inspector.get_check_constraints("products")
    inspector.get_table_comment("orders")
    inspector.get_view_definition("open_tickets")
    inspector.get_enums()
    inspector.get_sequence_names()
    sa.MetaData().reflect(engine, schema="hr")
    with engine.connect() as connection:
        for text in EXPLORED:
            connection.exec_driver_sql(text)
            connection.rollback()


EXPLORED = (
    "SELECT 1",
    "select pg_catalog.version()",
    "SELECT id, customer_id, status, total, placed_at FROM public.orders LIMIT 101",
    "SELECT DATE_TRUNC('month', placed_at) AS __timestamp, sum(total) AS revenue FROM public.orders WHERE placed_at >= "
    "TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY DATE_TRUNC('month', placed_at) "
    "ORDER BY revenue DESC LIMIT 10000",
    "SELECT status AS status, COUNT(*) AS count FROM (SELECT o.id, o.status, o.total FROM orders o WHERE o.total > 0) "
    "AS virtual_table GROUP BY status ORDER BY count DESC LIMIT 1000",
    "SELECT COUNT(*) AS rowcount FROM (SELECT status AS status FROM public.orders GROUP BY status LIMIT 50000) "
    "AS rowcount_qry",
    "SELECT status, total, placed_at FROM public.orders WHERE status IN ('new', 'paid') "
    "ORDER BY placed_at DESC LIMIT 1000",
    "SELECT DISTINCT country AS country FROM public.customers LIMIT 1000",
    'SELECT AVG(total) AS "AVG(total)", PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY total) AS median '
    "FROM public.orders",
    "SELECT width_bucket(total, 0, 100, 10) AS bucket, count(*) AS count FROM public.orders GROUP BY 1 ORDER BY 1",
    "SELECT min(placed_at), max(placed_at) FROM public.orders",
    "SELECT * FROM public.order_items TABLESAMPLE BERNOULLI (10) REPEATABLE (1) LIMIT 100",
    "EXPLAIN SELECT status, count(*) FROM public.orders GROUP BY status",
)


def main() -> None:
    """One engine, as an application has it."""
    engine = sa.create_engine(sys.argv[1])
    with Session(engine) as session:
        reads(session)
        writes(session)
    explores(engine)
    engine.dispose()


if __name__ == "__main__":
    main()
