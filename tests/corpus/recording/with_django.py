"""Django 5.2 as an application uses it, over models of the shop; where the server is stands in the argument as JSON."""

import json
import sys
from types import ModuleType

import django
from django.conf import settings

server = {"ENGINE": "django.db.backends.postgresql", "NAME": "world", "USER": "postgres", **json.loads(sys.argv[1])}
sys.modules["shop"] = ModuleType("shop")  # an application needs a module, and this file holds it all
sys.modules["shop"].__path__ = [sys.path[0]]
settings.configure(
    INSTALLED_APPS=["shop"],
    DATABASES={"default": server},
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from django.db import connection, models, transaction  # noqa: E402 - only a configured Django has models
from django.db.models import Avg, Count, Exists, F, OuterRef, Prefetch, Q, Subquery, Sum, Window  # noqa: E402
from django.db.models.functions import Coalesce, Lower, RowNumber, TruncMonth  # noqa: E402


class Shop(models.Model):
    class Meta:
        abstract = True
        app_label = "shop"
        managed = False


class Customer(Shop):
    name = models.TextField()
    country = models.TextField()
    created_at = models.DateTimeField()

    class Meta(Shop.Meta):
        db_table = "customers"


class Order(Shop):
    customer = models.ForeignKey(Customer, models.DO_NOTHING, related_name="orders")
    status = models.TextField()
    total = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    placed_at = models.DateTimeField()
    note = models.TextField(null=True)

    class Meta(Shop.Meta):
        db_table = "orders"


class Note(Shop):
    id = models.BigIntegerField(primary_key=True)
    author_id = models.BigIntegerField(null=True)
    body = models.TextField(null=True)
    pinned = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(Shop.Meta):
        db_table = "notes"


class Category(Shop):
    id = models.BigIntegerField(primary_key=True)
    parent = models.ForeignKey("self", models.DO_NOTHING, null=True)
    name = models.TextField()

    class Meta(Shop.Meta):
        db_table = "categories"


class Product(Shop):
    sku = models.TextField()
    title = models.TextField()
    price = models.DecimalField(max_digits=12, decimal_places=2)
    attributes = models.JSONField()

    class Meta(Shop.Meta):
        db_table = "products"


def reads() -> None:
    """Querysets as views and the admin evaluate them."""
    Customer.objects.get(pk=1)
    list(Customer.objects.filter(country="DE").order_by("-created_at")[:10])
    list(Order.objects.select_related("customer").filter(customer__country="DE"))
    list(Customer.objects.prefetch_related("orders"))
    list(Customer.objects.prefetch_related(Prefetch("orders", queryset=Order.objects.filter(total__gt=1)))[:5])
    Customer.objects.count()
    Note.objects.filter(Q(body__icontains="x") | Q(pinned=True)).exists()
    Order.objects.aggregate(Sum("total"), Avg("total"))
    list(Order.objects.values("status").annotate(n=Count("id"), s=Sum("total")).order_by("-n"))
    list(Customer.objects.annotate(n=Count("orders")).filter(n__gte=1))
    list(Order.objects.annotate(month=TruncMonth("placed_at")).values("month").annotate(n=Count("*")).order_by("month"))
    newest = Order.objects.filter(customer=OuterRef("pk")).order_by("-placed_at")
    list(Customer.objects.annotate(newest=Subquery(newest.values("id")[:1])))
    list(Customer.objects.filter(Exists(newest.filter(total__gt=10))))
    list(
        Order.objects.annotate(place=Window(RowNumber(), partition_by=[F("customer")], order_by=F("placed_at").desc()))
    )
    list(
        Note.objects.annotate(low=Lower("body"), b=Coalesce("body", models.Value(""))).values_list("low", flat=True)[:3]
    )
    list(Product.objects.filter(attributes__a=1))
    list(Product.objects.filter(attributes__has_key="a").only("sku"))
    list(Product.objects.defer("attributes").filter(title__startswith="Thing", price__range=(1, 5)))
    list(Note.objects.filter(pk__in=[1, 2, 3]).values("id", "body"))
    list(Note.objects.filter(created_at__year=2024).dates("created_at", "month"))
    list(Customer.objects.values_list("country").distinct())
    list(Note.objects.values_list("id").union(Order.objects.values_list("id")))
    list(Note.objects.iterator(chunk_size=2))
    Note.objects.in_bulk([1, 2])
    Note.objects.first()
    Note.objects.latest("created_at")
    Note.objects.filter(pk=1).explain()


def writes() -> None:
    """Saving, bulk operations, transactions."""
    note = Note(id=301, body="one")
    note.save(force_insert=True)
    note.body = "changed"
    note.save()
    note.save(update_fields=["pinned"])
    Note.objects.bulk_create([Note(id=at, body="many") for at in range(302, 306)])
    Note.objects.bulk_create([Note(id=302, body="again")], ignore_conflicts=True)
    Note.objects.bulk_create(
        [Note(id=302, body="again")], update_conflicts=True, update_fields=["body"], unique_fields=["id"]
    )
    found = list(Note.objects.filter(id__in=[302, 303]))
    for each in found:
        each.body = "bulk"
    Note.objects.bulk_update(found, ["body"])
    Note.objects.filter(pk=303).update(body=F("body"))
    Note.objects.get_or_create(id=301, defaults={"body": "x"})
    Category.objects.update_or_create(id=60, defaults={"name": "x"})
    with transaction.atomic():
        Note.objects.select_for_update().get(pk=301)
        with transaction.atomic():
            Note.objects.filter(pk=301).update(pinned=True)
    note.delete()
    Note.objects.filter(pk__in=[302, 303]).delete()
    Note.objects.filter(pk=304)._raw_delete("default")


def looks() -> None:
    """What inspectdb and the tests of Django ask."""
    with connection.cursor() as cursor:
        for table in connection.introspection.get_table_list(cursor):
            if table.name in {"orders", "notes", "customers"}:
                connection.introspection.get_table_description(cursor, table.name)
                connection.introspection.get_constraints(cursor, table.name)
                connection.introspection.get_relations(cursor, table.name)
                connection.introspection.get_sequences(cursor, table.name)
                connection.introspection.get_primary_key_columns(cursor, table.name)
    connection.check_constraints()


reads()
writes()
looks()
connection.close()
