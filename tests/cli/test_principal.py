import tomllib

from interlock.access.verifier import derive_verifier, parse_verifier
from tests.cli.running import interlock


def test_a_made_password_is_shown_once_and_fits_its_verifier(tmp_path):
    done = interlock("principal", "verifier", "shop-agent", "--json", cwd=tmp_path).json
    verifier = parse_verifier(done["verifier"])
    assert derive_verifier(done["password"], salt=verifier.salt) == verifier
    assert len(done["password"]) == 32


def test_what_is_printed_can_be_pasted_into_the_configuration(tmp_path):
    done = interlock("principal", "verifier", "shop-agent", cwd=tmp_path)
    lines = tomllib.loads(done.out)["principals"]["shop-agent"]
    assert parse_verifier(lines["verifier"])
    assert "password of shop-agent:" in done.err


def test_two_runs_make_two_passwords(tmp_path):
    made = [interlock("principal", "verifier", "a", "--json", cwd=tmp_path).json for _ in range(2)]
    assert made[0]["password"] != made[1]["password"]
    assert made[0]["verifier"] != made[1]["verifier"]
