"""What a client may ask for when it connects, what the target is told instead, and what ends a session later."""

import pytest

from interlock.gateways.postgres.arriving.pins import ParameterRefused, PinLost, Pins, split_path, upstream_parameters
from interlock.wire.postgres.messages import build_parameter_status, parse_parameter_status


def asked(**parameters: str) -> dict[str, str]:
    """What the target is asked for, without what it always is."""
    always = upstream_parameters({}, user="gateway", database="shop")
    wanted = upstream_parameters({"user": "ana", "database": "x", **parameters}, user="gateway", database="shop")
    return {name: value for name, value in wanted.items() if always.get(name) != value}


def test_the_gateway_says_who_it_is_and_what_stays() -> None:
    told = upstream_parameters({"user": "ana", "database": "other"}, user="gateway", database="shop")
    assert (told["user"], told["database"], told["role"]) == ("gateway", "shop", "none")
    assert told["default_transaction_read_only"] == told["standard_conforming_strings"] == "on"
    assert told["search_path"].endswith("pg_temp")
    lent = upstream_parameters({}, user="gateway", database="shop", lent=True)
    assert set(lent) - set(told) == {"client_connection_check_interval"}


@pytest.mark.parametrize(
    ("parameters", "passed"),
    [
        ({"DateStyle": "ISO"}, {"datestyle": "ISO"}),
        ({"application_name": "psql", "_pq_.later": "1"}, {"application_name": "psql"}),
        ({"options": r"-c statement_timeout=5s --application-name=a\ b"},
         {"statement_timeout": "5s", "application_name": "a b"}),
        ({"client_encoding": "'utf-8'", "standard_conforming_strings": "on"}, {}),
        ({"client_encoding": "UNICODE"}, {}),
        ({"search_path": "app"}, {"search_path": "app, pg_temp"}),
        ({"search_path": "pg_temp, app"}, {"search_path": "pg_temp, app"}),
        ({"replication": "off"}, {}),
    ],
)  # fmt: skip
def test_what_does_not_change_meaning_passes(parameters: dict[str, str], passed: dict[str, str]) -> None:
    assert asked(**parameters) == passed


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"replication": "database"}, "replication"),
        ({"session_authorization": "postgres"}, "`session_authorization`"),
        ({"ROLE": "postgres"}, "`ROLE`"),
        ({"options": "-c default_transaction_read_only=off"}, "`default_transaction_read_only`"),
        ({"options": "-c row_security=off -c jit=off"}, "`row_security`"),
        ({"options": "-d 5"}, "cannot be read"),
        ({"client_encoding": "LATIN1"}, "must be utf8"),
        ({"standard_conforming_strings": "off"}, "must be on"),
    ],
)
def test_all_else_is_refused_by_name(parameters: dict[str, str], named: str) -> None:
    with pytest.raises(ParameterRefused, match=named):
        asked(**parameters)


@pytest.mark.parametrize(("name", "value"), [("standard_conforming_strings", "off"), ("client_encoding", "SJIS")])
def test_a_setting_that_decides_meaning_ends_the_session(name: str, value: str) -> None:
    with pytest.raises(PinLost):
        Pins(user="ana").reported(build_parameter_status(name, value))


def test_a_client_sees_itself_and_not_the_gateway() -> None:
    pins = Pins(user="ana")

    def seen(name: str, value: str) -> str:
        return parse_parameter_status(pins.reported(build_parameter_status(name, value))).value

    assert seen("session_authorization", "gateway") == "ana"
    assert seen("default_transaction_read_only", "on") == "off"
    assert seen("TimeZone", "UTC") == "UTC"
    assert (seen("search_path", "app"), pins.search_path) == ("app", "app")


def test_settings_are_compared_with_how_they_began() -> None:
    pins = Pins(user="ana")
    pins.compare("on,UTF8")
    pins.compare("on,UTF8")
    with pytest.raises(PinLost):
        pins.compare("on,LATIN1")


def test_a_path_is_split_as_the_server_does() -> None:
    assert split_path('"$user", Public,"My ""own""", pg_temp') == ("$user", "public", 'My "own"', "pg_temp")
    assert split_path('""') == ("",)
