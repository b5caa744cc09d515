"""What the doctor makes of what it finds at a target."""

import asyncio
from pathlib import Path

import pytest

from interlock.app.checkup.check import Grade, fault
from interlock.app.checkup.target import examine_target, judge
from interlock.app.config import parse_config
from interlock.gateways.postgres.target.admin import Opening, Standing
from interlock.model import OurFault

TARGET = """
[targets.shop]
host = "db.internal"
database = "shop"
user = "gateway"
password_env = "PW"
environment = "test"
"""
SETTINGS = {
    "track_counts": "on",
    "standard_conforming_strings": "on",
    "server_encoding": "UTF8",
    "listen_addresses": "localhost",
}


def findings(grade, *, tls="verify-full", more="", **changes):
    known = {
        "version": 180_006,
        "encrypted": True,
        "powers": (),
        "owns": 0,
        "unreadable": False,
        "settings": SETTINGS,
        "others": {},
        "openings": (),
    }
    target = parse_config(TARGET + f'tls = "{tls}"\n{more}', base=Path("/")).targets["shop"]
    return [check.found for check in judge("shop", target, Standing(**known | changes)) if check.grade is grade]


def opening(users=("all",), address="0.0.0.0", databases=("all",), line=90):
    return Opening(line=line, kind="host", databases=databases, users=users, address=address)


def listening(addresses):
    return SETTINGS | {"listen_addresses": addresses}


def test_all_is_well():
    assert findings(Grade.WARN) == findings(Grade.FAIL) == []
    assert len(findings(Grade.OK)) == 5


@pytest.mark.parametrize(("version", "fails"), [(140_000, 1), (150_000, 0), (180_006, 0), (190_000, 1)])
def test_the_versions_that_claims_are_made_for(version, fails):
    assert len(findings(Grade.FAIL, version=version)) == fails


@pytest.mark.parametrize("power", ["SUPERUSER", "BYPASSRLS", "CREATEROLE"])
def test_powers_that_undo_the_gateway_fail(power):
    (found,) = findings(Grade.FAIL, powers=(power,))
    assert power in found


@pytest.mark.parametrize("power", ["CREATEDB", "REPLICATION"])
def test_powers_that_are_only_too_many_warn(power):
    (found,) = findings(Grade.WARN, powers=(power,))
    assert power in found


def test_a_role_that_may_read_nothing_is_warned_about_unless_it_is_lent_what_it_needs():
    assert findings(Grade.WARN, unreadable=True) == ["`gateway` may read none of the tables there"]
    lent = 'access = "per-command"\n[targets.shop.minter]\nuser = "m"\npassword_env = "M"\n'
    assert findings(Grade.WARN, unreadable=True, more=lent) == []
    assert findings(Grade.WARN, unreadable=True, more=lent.replace("command", "lease")) == []


def test_an_owner_is_warned_about():
    assert findings(Grade.WARN, owns=3) == ["`gateway` owns 3 relations, and owners may drop them"]


@pytest.mark.parametrize(
    ("name", "value", "grade"),
    [
        ("track_counts", "off", Grade.FAIL),
        ("standard_conforming_strings", "off", Grade.FAIL),
        ("server_encoding", "SQL_ASCII", Grade.WARN),
    ],
)
def test_settings_that_the_gateway_relies_on(name, value, grade):
    (found,) = findings(grade, settings=SETTINGS | {name: value})
    assert f"{name} is {value}" in found


@pytest.mark.parametrize("addresses", ["", "localhost", "127.0.0.1, ::1"])
def test_a_server_that_listens_on_loopback_is_reached_by_nobody_else(addresses):
    assert findings(Grade.WARN, settings=listening(addresses), openings=None) == []


@pytest.mark.parametrize("addresses", ["*", "0.0.0.0", "localhost,10.0.0.5", "db.internal"])
def test_a_server_that_listens_further_warns_when_its_rules_cannot_be_read(addresses):
    (found,) = findings(Grade.WARN, settings=listening(addresses), openings=None)
    assert "beside the gateway" in found


@pytest.mark.parametrize(
    ("rule", "warns"),
    [
        (opening(), True),
        (opening(users=("app",)), True),
        (opening(users=("gateway", "app")), True),
        (opening(databases=("shop",)), True),
        (opening(users=("gateway",)), False),
        (opening(databases=("other",)), False),
        (opening(address="127.0.0.1"), False),
    ],
)
def test_rules_that_let_others_in_from_elsewhere_warn(rule, warns):
    found = findings(Grade.WARN, settings=listening("*"), openings=(rule,))
    assert [("line 90" in one) for one in found] == ([True] if warns else [])


def test_sessions_past_the_gateway_are_named():
    (found,) = findings(Grade.WARN, others={"app": 3, "dba": 1})
    assert found.endswith("app (3), dba (1)")


def test_encryption_without_verification_warns():
    assert len(findings(Grade.WARN, tls="require")) == 1


def test_a_target_whose_password_is_missing_fails_without_a_connection():
    target = parse_config(TARGET, base=Path("/")).targets["shop"]
    (check,) = asyncio.run(examine_target("shop", target, {}))
    assert (check.grade, check.todo) == (Grade.FAIL, "set it where the gateway starts")


def test_a_fault_is_split_into_what_happened_and_what_to_do():
    check = fault("x", OurFault("`a: b` is wrong: mend it"))
    assert (check.found, check.todo) == ("`a: b` is wrong", "mend it")
    assert fault("x", OurFault("no advice")).todo == "mend that and ask again"


def test_the_minter_and_its_logins_are_not_past_the_gateway():
    lent = 'access = "per-lease"\n[targets.shop.minter]\nuser = "m"\npassword_env = "M"\n'
    assert findings(Grade.WARN, others={"m": 2, "il_0a1b2c3d_7": 1}, more=lent) == []
    assert findings(Grade.WARN, others={"m": 2}) == ["others are in it past the gateway: m (2)"]
    assert findings(Grade.WARN, others={"m": 2, "app": 1}, more=lent) == ["others are in it past the gateway: app (1)"]


def test_what_counting_asks_and_nobody_may_fails():
    withheld = ("FUNCTION pg_catalog.pg_control_system()", "TABLE pg_catalog.pg_locks")
    (found,) = findings(Grade.FAIL, withheld=withheld)
    assert all(one in found for one in withheld)
