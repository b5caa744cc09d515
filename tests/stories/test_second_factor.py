"""Groups whose approvals need a second factor: a secret is not enough, a token that says so is."""

import os
from pathlib import Path

from interlock.access.keys import load_signing_key, make_keypair
from interlock.access.statement import NAMESPACE
from interlock.access.tokens import mint
from interlock.app.clock import now
from interlock.app.embedded import EmbeddedPostgres
from interlock.app.ids import new_id
from interlock.model import Principal, PrincipalKind
from tests.authenticator import TOUCHED, SecurityKey
from tests.stories.approving import DELETE, decide, guarded, held, records
from tests.stories.test_approvals import TOKENS


def test_a_secret_alone_does_not_approve(postgres18: EmbeddedPostgres, tmp_path: Path) -> None:
    private, public = make_keypair(os.urandom(32))
    (tmp_path / "tokens.pub").write_bytes(public)

    def token(*amr: str) -> str:
        dora = Principal(id="dora", kind=PrincipalKind.PERSON, issuer="stand", groups=frozenset({"dba-leads"}))
        key = load_signing_key(private)
        return mint(dora, id=new_id(), audience="stand", now=now(), lifetime=600, key=key, kid="k", amr=amr)

    device = SecurityKey(flags=TOUCHED)
    more = TOKENS + '[approvals]\nsecond_factor = ["dba-leads"]\n'
    more += f'[approvals.signers]\ndora = ["{device.line}"]\n'
    with guarded(postgres18, tmp_path, more=more) as stand:
        stand.start()
        with stand.connect() as client:
            request = held(client)["request"]
            code, why = decide(stand, "approve", request, "dora")
            assert (code, "second factor" in why) == (77, True)
            weak = stand.interlock("approvals", "approve", request, "--token", token("pwd"))
            assert (weak.code, "second factor" in weak.err) == (77, True)
            assert held(client)["request"] == request
            done = stand.interlock("approvals", "approve", request, "--token", token("pwd", "mfa"))
            assert done.code == 0, done.err
            assert client.execute(DELETE).rowcount == 10
            (approval,) = [one for one in records(stand, request) if one["kind"] == "approval"]
            assert (approval["by"], approval["mfa"]) == ("dora", True)
            signed = held(client)["request"]
            statement = stand.interlock("approvals", "statement", signed, "--as", "dora", "--group", "dba-leads")
            (tmp_path / "signature").write_text(device.sign(statement.out.encode(), NAMESPACE))
            who = ("--as", "dora", "--secret-file", str(stand.directory / "client.secret"))
            done = stand.interlock("approvals", "approve", signed, *who, "--signature", str(tmp_path / "signature"))
            assert done.code == 0, done.err  # the device that was touched is one
            client.execute(DELETE)
            other = held(client)["request"]
            assert decide(stand, "deny", other, "dora", "not now")[0] == 0  # to say no takes no second factor
        assert stand.stop() == 0
