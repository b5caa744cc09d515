"""Conditions that are no tautologies and select nothing, and honest ones that look like them."""

import pytest

from interlock.model import FindingCode, Reach
from tests.intent.sql.shop import meaning

ORDERS = "public.orders"
HOLLOW = """
tableoid = 'orders'::regclass
tableoid::regclass::text = 'orders'
xmin <> '0'
tstzrange('-infinity', 'infinity', '[]') @> placed_at
xmin::text::bigint > 0
ctid >= '(0,0)'
'(0,1)'::tid <= ctid
orders IS NOT NULL
id + 1 > id
placed_at + interval '1 day' > placed_at
date_trunc('day', placed_at) <= placed_at
GREATEST(id, 0) >= id
id BETWEEN SYMMETRIC id - 1 AND id + 1
extract(year FROM placed_at) > 0
extract(month FROM placed_at) BETWEEN 1 AND 12
status >= enum_first(NULL::app.order_status)
status = ANY (enum_range(NULL::app.order_status))
customer_id IN (SELECT id FROM customers)
customer_id = ANY (ARRAY(SELECT id FROM customers))
note = note
note LIKE '%'
note ~ '.*'
md5(note) = md5(note)
lower(note) = lower(note)
length(note) >= 0
note < 'x' OR note >= 'x'
note <> 'a' OR note <> 'b'
total * 1 = total
(total > 5) IN (true, false)
(id, total) = (id, total)
note IN (SELECT note FROM orders)
id > 0
0 < id
id >= 1
id <> -1
id != 0
id NOT IN (-1, 0)
NOT id <= 0
placed_at > '-infinity'
placed_at <= 'infinity'::timestamptz
placed_at > '0001-01-01'
placed_at >= '1900-01-01'::date
placed_at < '9999-12-31'
placed_at > '4713-01-01 BC'
placed_at BETWEEN '1900-01-01' AND '2100-01-01'
EXISTS (SELECT 1 FROM orders AS o WHERE o.id = orders.id)
EXISTS (SELECT 1 FROM public.orders AS o WHERE orders.note = o.note)
random() >= 0
now() > '2000-01-01'
current_date > '2020-01-01'
'a' < 'b'
position('' in 'x') = 1
$1
current_setting('app.on') = 'on'
EXISTS (SELECT 1 FROM customers WHERE country = 'DE')
""".strip().splitlines()

HONEST = """
xmin = '700'
ctid = '(0,1)'
ctid > '(7,0)'
id + 1 > total
placed_at + interval '1 day' > now()
date_trunc('day', placed_at) <= '2020-01-01'
GREATEST(id, 5) > id
extract(month FROM placed_at) BETWEEN 1 AND 6
extract(year FROM placed_at) > 2020
status >= 'paid'
customer_id IN (SELECT id FROM customers WHERE country = 'DE')
id IN (SELECT customer_id FROM orders)
id IN (SELECT id FROM customers)
note IS NOT NULL
note IS NULL
note IS DISTINCT FROM NULL
(total > 5) IS NOT UNKNOWN
note = 'x'
note = $1
note LIKE 'a%'
note <> 'a'
note <> 'a' AND note <> 'b'
length(note) > 0
total > 0
total >= 0
customer_id > 0
id > 5
id >= 2
id <> 1
id < 1
id > 0 AND note = 'x'
id > 0 AND id < 100
placed_at > '2020-01-01'
placed_at < now() - interval '1 year'
placed_at > '2020-01-01' AND placed_at < 'infinity'
placed_at < '-infinity'
placed_at = 'infinity'
EXISTS (SELECT 1 FROM orders AS o WHERE o.note = orders.note AND o.id < orders.id)
EXISTS (SELECT 1 FROM orders AS o WHERE o.id <> orders.id AND o.note = orders.note)
EXISTS (SELECT 1 FROM payments AS p WHERE p.order_id = orders.id)
EXISTS (SELECT 1 FROM order_items AS o WHERE o.order_id = orders.id)
random() < 0.5 AND note = 'x'
coalesce(note, '') = ''
NOT (note = note)
(note = note) IS NULL
(note = note) IS NOT TRUE
""".strip().splitlines()


def found(condition: str) -> tuple[bool, Reach]:
    intent = meaning(f"DELETE FROM orders WHERE {condition}").intent
    deleted = [effect.reach for effect in intent.effects if effect.verb == "delete" and str(effect.object) == ORDERS]
    return FindingCode.ALWAYS_TRUE in [finding.code for finding in intent.all_findings()], deleted[0]


@pytest.mark.parametrize("condition", HOLLOW)
def test_what_selects_nothing_is_no_predicate(condition: str) -> None:
    assert found(condition) == (True, Reach.ALL)


@pytest.mark.parametrize("condition", HONEST)
def test_what_selects_is_one(condition: str) -> None:
    noted, reach = found(condition)
    assert (noted, reach is Reach.ALL) == (False, False)


def test_nothing_is_supposed_of_what_is_read() -> None:
    """It is about writes alone, and about what a condition asks in all."""
    read = "SELECT * FROM orders WHERE id > 0"
    joined = "UPDATE orders SET note = c.email FROM customers c WHERE c.id = orders.customer_id AND orders.id > 0"
    for text in (read, joined):
        assert FindingCode.ALWAYS_TRUE not in [finding.code for finding in meaning(text).intent.all_findings()]


def test_a_table_that_meets_itself_by_its_key_selects_nothing() -> None:
    def hollow(text: str) -> bool:
        return FindingCode.ALWAYS_TRUE in [finding.code for finding in meaning(text).intent.all_findings()]

    assert hollow("DELETE FROM orders USING orders AS o WHERE o.id = orders.id")
    assert hollow("MERGE INTO orders USING orders AS o ON o.id = orders.id WHEN MATCHED THEN DELETE")
    assert not hollow("DELETE FROM orders USING orders AS o WHERE o.note = orders.note AND o.id > orders.id")
    assert not hollow(
        "MERGE INTO orders USING orders AS o ON o.id = orders.id WHEN MATCHED AND o.total > 5 THEN DELETE"
    )
    assert not hollow("MERGE INTO orders USING customers AS c ON c.id = orders.customer_id WHEN MATCHED THEN DELETE")
