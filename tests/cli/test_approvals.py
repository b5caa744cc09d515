"""`interlock approvals` as people type it: cards on 80 columns, JSON, exit codes; and others who are told."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from interlock.app.embedded import EmbeddedPostgres
from interlock.cli.approval_card import effect_lines, impact_lines
from interlock.model import Basis, Effect, Impact, Object, ObjectKind, Reach, Touched, Verb
from tests.cli.running import interlock as run
from tests.connectors.receiver import Receiver, receiving
from tests.stand import Stand
from tests.stories.approving import clean, guarded, held

HOOKS = """
[approvals.webhooks.ops]
url = "{url}"
secret_file = "client.secret"

[approvals.webhooks.chat]
format = "slack"
url_env = "CHAT_URL"
"""


@pytest.fixture(scope="module")
def told() -> Iterator[Receiver]:
    with receiving(503, 200) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def chat() -> Iterator[Receiver]:
    with receiving(200) as receiver:
        yield receiver


@pytest.fixture(scope="module")
def serving(
    postgres18: EmbeddedPostgres, told: Receiver, chat: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stand]:
    more = HOOKS.format(url=told.url)
    directory = tmp_path_factory.mktemp("cli")
    with guarded(postgres18, directory, count=2, pii=("public.notes.body",), more=more) as made:
        made.start(CHAT_URL=chat.url)
        yield made


@pytest.fixture
def stand(serving: Stand) -> Stand:
    clean(serving)
    return serving


def ask(stand: Stand, statement: str, who: str = "helper") -> str:
    with stand.connect(who) as client:
        return str(held(client, statement)["request"])


def test_a_card(stand: Stand) -> None:
    request = ask(stand, "DELETE FROM items WHERE name = '[bold]x\x1b[2J' OR id = 7")
    done = stand.interlock("approvals", "show", request[-8:])
    assert done.code == 75
    card = done.err
    assert max(map(len, card.splitlines())) <= 80
    assert "\x1b" not in card
    who = ["agent `helper`", "on behalf of person `dora`"]
    parts = [*who, "DELETE table public.items", "not measured", "2 of dba-leads", "nobody yet", "[bold]x"]
    places = [card.index(part) for part in parts]
    assert places == sorted(places)  # what the requester wrote stands last
    assert stand.interlock("approvals", "approve", request, "--as", "dan", "--secret-file", "client.secret").code == 75
    assert "dan for dba-leads, by scram" in stand.interlock("approvals", "show", request).err


def test_a_card_hides_what_may_be_labelled(stand: Stand) -> None:
    request = ask(stand, "DELETE FROM notes WHERE body = 'ana@example.org'", "ana")
    done = stand.interlock("approvals", "show", request)
    assert "ana@example.org" not in done.err
    assert "values are hidden" in done.err
    data = stand.interlock("approvals", "show", request, "--json").json
    assert (data["state"], data["card"]["text"]) == ("pending", None)


def test_exit_codes(stand: Stand) -> None:
    request = ask(stand, "DELETE FROM items WHERE id = 1", "ana")
    dora = {"INTERLOCK_PRINCIPAL": "dora", "INTERLOCK_SECRET": stand.secret}
    assert interlock(stand, dora, "approve", request, "--json").code == 75
    assert interlock(stand, dora, "approve", request).code == 77  # once is enough
    assert interlock(stand, {}, "approve", request).code == 2
    assert interlock(stand, dora | {"INTERLOCK_SECRET": "wrong"}, "approve", request).code == 2
    assert interlock(stand, dora, "approve", "no-such-request").code == 77
    done = interlock(stand, dora | {"INTERLOCK_PRINCIPAL": "dan"}, "approve", request, "--json")
    assert (done.code, done.json["state"], len(done.json["approved_by"])) == (0, "granted", 2)
    assert interlock(stand, {}, "withdraw", request).code == 0
    assert interlock(stand, {}, "list").err.strip() == "nothing waits for anybody"
    assert interlock(stand, {}, "list", "--json").json == []


def interlock(stand: Stand, environ: dict[str, str], *arguments: str):  # type: ignore[no-untyped-def]
    return run("approvals", *arguments, cwd=stand.directory, environ=environ)


def test_without_a_gateway(tmp_path: Path, stand: Stand) -> None:
    (tmp_path / "interlock.toml").write_text((stand.directory / "interlock.toml").read_text())
    for name in ("target.secret", "client.secret", "pack"):
        (tmp_path / name).symlink_to(stand.directory / name)
    done = run("approvals", "list", cwd=tmp_path, environ={"CHAT_URL": "https://chat.example"})
    assert (done.code, "no gateway answers" in done.err) == (69, True), done.err


def test_others_are_told(stand: Stand, told: Receiver, chat: Receiver) -> None:
    request = ask(stand, "DELETE FROM items WHERE name = 'literal'", "ana")

    def about(receiver: Receiver) -> list[tuple[dict[str, str], bytes]]:
        return [(headers, body) for _, headers, body in receiver.taken if request.encode() in body]

    with told.came:
        assert told.came.wait_for(lambda: about(told), 20)
    headers, body = about(told)[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.digest(stand.secret.encode(), signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{mac}"
    event = json.loads(body)
    assert event["type"] == "dev.interlock.approval.requested"
    assert event["data"]["effects"][0] == "delete table public.items (unknown)"
    assert b"literal" not in body
    with chat.came:
        assert chat.came.wait_for(lambda: about(chat), 20)
    assert "requested: person ana on stand, waits for 2 of dba-leads" in json.loads(about(chat)[0][1])["text"]


def test_a_card_says_what_nobody_could_count() -> None:
    emptied = Object(kind=ObjectKind.TABLE, path=("shop", "public", "notes"))
    touched = (Touched(object=emptied, verb=Verb.DELETE, rows=None), Touched(object=emptied, verb=Verb.CREATE, rows=1))
    said = [*impact_lines(Impact(basis=Basis.MEASURED, rows=None, reversible=True, touched=touched))]
    assert said[0].startswith("an unknown number of rows, measured")
    assert said[1:] == ["delete public.notes: an unknown number of rows", "create public.notes: 1 row"]


def _effect(verb: Verb, name: str, reach: Reach = Reach.UNKNOWN) -> Effect:
    return Effect(verb=verb, object=Object(kind=ObjectKind.TABLE, path=("shop", "public", name)), reach=reach)


def test_effects_say_what_was_counted() -> None:
    effects = (
        _effect(Verb.DELETE, "items"),
        _effect(Verb.DELETE, "parts"),
        _effect(Verb.DELETE, "rest", Reach.ALL),
        _effect(Verb.READ, "items"),
    )
    items = Touched(object=effects[0].object, verb=Verb.DELETE, rows=2_000)
    impact = Impact(basis=Basis.MEASURED, rows=2_000, reversible=True, touched=(items,))
    assert [line.partition(": ")[2] for line in effect_lines(effects, impact)] == [
        "2,000 rows",
        "no row of its own",
        "ALL of it, no row of its own",
        "done to do the rest, and not counted by itself",
    ]
    assert {line.partition(": ")[2] for line in effect_lines(effects[:2], Impact())} == {"how much is not known"}


def test_what_the_counters_cannot_see_is_not_zero() -> None:
    effect = _effect(Verb.CHANGE, "far")
    unseen = Touched(object=effect.object, verb=Verb.CHANGE, rows=None)
    for touched in ((unseen,), ()):
        impact = Impact(basis=Basis.MEASURED, rows=None, reversible=True, touched=touched)
        assert [*effect_lines((effect,), impact)] == ["CHANGE table public.far: how much is not known"]
