import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from interlock.access.faults import CredentialRefused, TokenRefused
from interlock.access.keys import key_id, load_signing_key, load_verification_keys, make_keypair
from interlock.access.revocation import (
    Revocations,
    SubjectRevoked,
    TokenRevoked,
    read_revocations,
    write_revocation,
)
from interlock.access.tokens import TokenTerms, mint, verify
from interlock.model import Principal, PrincipalKind

PRIVATE, PUBLIC = make_keypair(b"k" * 32)
OTHER_PRIVATE, OTHER_PUBLIC = make_keypair(b"q" * 32)
KEY = load_signing_key(PRIVATE)
NOW = 1_790_000_000 * 1_000_000
SECOND = 1_000_000
TERMS = TokenTerms(issuer="acme", audience="gw", keys=load_verification_keys({"one": PUBLIC}))
NONE_REVOKED = Revocations()

ANA = Principal(id="ana", kind=PrincipalKind.PERSON, issuer="acme", groups=frozenset({"analysts", "eu"}))
AGENT = Principal(id="shop-agent", kind=PrincipalKind.AGENT, issuer="acme", on_behalf_of=ANA)
SUB_AGENT = Principal(
    id="sql-helper", kind=PrincipalKind.AGENT, issuer="acme", groups=frozenset({"tools"}), on_behalf_of=AGENT
)


def minted(principal=SUB_AGENT, *, key=KEY, kid="one", now=NOW, lifetime=900, **rest):
    return mint(principal, id="t-1", audience="gw", now=now, lifetime=lifetime, key=key, kid=kid, **rest)


def signed(claims, *, header=None, key=KEY):
    """A token whose signature is good, whatever it says."""
    text = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.serialize_compact({"alg": "Ed25519", "kid": "one"} | (header or {}), text, key, algorithms=["Ed25519"])


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=="))


def believed(token, *, now=NOW, terms=TERMS, revoked=NONE_REVOKED):
    return verify(token, terms=terms, now=now, revoked=revoked)


def test_the_chain_the_purpose_and_the_targets_come_back_as_they_went_in():
    passed = believed(minted(purpose="analysis", targets=["shop"]))
    assert passed.principal == SUB_AGENT
    assert passed.purpose == "analysis"
    assert passed.may_reach("shop")
    assert not passed.may_reach("payroll")
    assert passed.expires_at == NOW + 900 * SECOND
    assert believed(minted()).may_reach("anything")


def test_the_subject_is_the_person_and_the_outermost_actor_is_who_acts_now():
    claims = claims_of(minted())
    assert claims["sub"] == "ana"
    assert claims["act"] == {
        "sub": "sql-helper",
        "kind": "agent",
        "groups": ["tools"],
        "act": {"sub": "shop-agent", "kind": "agent"},
    }


def test_a_second_factor_is_the_subjects_own():
    assert believed(minted(ANA, amr=["pwd", "mfa"])).mfa
    assert not believed(minted(ANA, amr=["pwd"])).mfa
    assert not believed(minted(ANA)).mfa
    assert not believed(minted(AGENT, amr=["mfa"])).mfa


def test_a_token_ends_on_its_second_and_begins_with_a_little_patience():
    token = minted()
    assert believed(token, now=NOW + 899 * SECOND)
    assert believed(token, now=NOW - 29 * SECOND)
    with pytest.raises(TokenRefused, match="expired 0 s ago"):
        believed(token, now=NOW + 900 * SECOND)
    with pytest.raises(TokenRefused, match="not valid yet"):
        believed(token, now=NOW - 31 * SECOND)


def test_a_long_life_is_refused_when_minting_and_when_believing():
    with pytest.raises(TokenRefused, match="ask for less"):
        minted(lifetime=12 * 3600 + 1)
    with pytest.raises(TokenRefused, match="ask for less"):
        minted(lifetime=0)
    with pytest.raises(TokenRefused, match="at most 3600 s"):
        believed(minted(lifetime=3601))


def test_a_chain_that_is_too_deep_is_refused_when_minting_and_when_believing():
    deep = ANA
    for number in range(4):
        deep = Principal(id=f"a{number}", kind=PrincipalKind.AGENT, issuer="acme", on_behalf_of=deep)
    with pytest.raises(TokenRefused, match="at most 3"):
        minted(deep)
    claims = claims_of(minted())
    for number in range(3):
        claims["act"] = {"sub": f"b{number}", "kind": "agent", "act": claims["act"]}
    with pytest.raises(TokenRefused, match="5 actors"):
        believed(signed(claims))


def test_another_key_or_an_unknown_key_is_refused():
    with pytest.raises(TokenRefused, match="signature is wrong"):
        believed(minted(key=load_signing_key(OTHER_PRIVATE)))
    with pytest.raises(TokenRefused, match="key `two`, which this gateway does not know"):
        believed(minted(kid="two"))


def test_several_keys_are_believed_while_they_are_rotated():
    terms = TokenTerms(issuer="acme", audience="gw", keys=load_verification_keys({"one": PUBLIC, "two": OTHER_PUBLIC}))
    assert believed(minted(), terms=terms)
    assert believed(minted(key=load_signing_key(OTHER_PRIVATE), kid="two"), terms=terms)
    with pytest.raises(TokenRefused, match="signature is wrong"):
        believed(minted(kid="two"), terms=terms)


def test_only_one_algorithm_exists():
    claims = minted().split(".")[1]
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"one"}').decode().rstrip("=")
    with pytest.raises(TokenRefused, match="`none`"):
        believed(f"{none}.{claims}.")
    # The classic confusion: the public key taken for a shared secret.
    shared = jws.serialize_compact({"alg": "HS256", "kid": "one"}, b"{}", OctKey.import_key(b"p" * 32))
    with pytest.raises(TokenRefused, match="`HS256`"):
        believed(shared)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"iss": "evil"}, "issued by `evil`"),
        ({"aud": "other"}, "is for `other`"),
        ({"admin": True}, "unknown field `admin`"),
        ({"kind": "god"}, "god"),
        ({"exp": "soon"}, "exp"),
        ({"aud": ["gw", "other"]}, "aud"),
        ({"act": {"sub": "x", "kind": "agent", "scope": "all"}}, "scope"),
        ({"nbf": NOW // SECOND + 600}, "not valid yet"),
        ({"iat": NOW // SECOND - 999_999}, "at most 3600 s"),
        ({"exp": NOW // SECOND - 1}, "at most 3600 s"),
    ],
)
def test_claims_are_closed(change, says):
    with pytest.raises(TokenRefused, match=says):
        believed(signed(claims_of(minted()) | change))


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "kind"])
def test_no_claim_may_be_missing(claim):
    claims = claims_of(minted())
    del claims[claim]
    with pytest.raises(TokenRefused, match=claim):
        believed(signed(claims))


def test_a_claim_stated_twice_is_refused():
    text = json.dumps(claims_of(minted())).replace('"sub": "ana"', '"sub": "ana", "sub": "root"').encode()
    with pytest.raises(TokenRefused, match="twice"):
        believed(signed(text))


def test_an_unknown_header_is_refused():
    with pytest.raises(TokenRefused, match="`cty`"):
        believed(signed(claims_of(minted()), header={"cty": "JWT"}))


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.b.c", "secret", "é.é.é", "x" * 9000, "eyJhbGciOiJFZDI1NTE5In0..", "[" * 99]
)
def test_what_is_no_token_is_refused(text):
    with pytest.raises(TokenRefused):
        believed(text)


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True))
def test_no_text_gets_in_or_raises_anything_else(text):
    with pytest.raises(TokenRefused):
        believed(text)


@given(st.integers(0, 600), st.integers(1, 255))
def test_no_changed_byte_gets_in(position, flip):
    token = bytearray(minted().encode())
    position %= len(token)
    token[position] ^= flip
    changed = token.decode("latin-1")
    if changed == minted():
        return
    try:
        passed = believed(changed)
    except TokenRefused:
        return
    # Base64 leaves unused bits at the end of a part: another spelling of the same bytes is the same token.
    assert passed == believed(minted())


def test_a_revoked_token_is_refused_and_others_are_not():
    revoked = Revocations.collect([TokenRevoked(id="t-1", at=0)])
    with pytest.raises(TokenRefused, match="revoked"):
        believed(minted(), revoked=revoked)
    other = mint(ANA, id="t-2", audience="gw", now=NOW, lifetime=60, key=KEY, kid="one")
    assert believed(other, revoked=revoked)


@pytest.mark.parametrize("subject", ["ana", "shop-agent", "sql-helper"])
def test_revoking_anybody_in_the_chain_ends_what_was_issued_until_then(subject):
    revoked = Revocations.collect([SubjectRevoked(id=subject, at=NOW // SECOND)])
    with pytest.raises(TokenRefused, match="revoked"):
        believed(minted(), revoked=revoked)
    later = minted(now=NOW + SECOND)
    assert believed(later, revoked=revoked, now=NOW + SECOND)


def test_the_revocation_list_survives_its_file_and_an_earlier_date_revokes_nothing_less():
    entries = [SubjectRevoked(id="ana", at=50), TokenRevoked(id="t-9", at=60), SubjectRevoked(id="ana", at=40)]
    read = read_revocations(b"\n".join(write_revocation(entry) for entry in entries))
    assert read == Revocations(tokens=frozenset({"t-9"}), subjects={"ana": 50})


@pytest.mark.parametrize("line", [b"{", b'{"revoke":"everything"}', b'{"revoke":"token","id":"x","at":1,"y":2}'])
def test_a_revocation_list_that_cannot_be_read_is_refused_whole(line):
    with pytest.raises(CredentialRefused, match="line 2"):
        read_revocations(write_revocation(TokenRevoked(id="a", at=1)) + line)


def test_keys_of_the_wrong_half_or_kind_are_refused():
    with pytest.raises(CredentialRefused, match="cannot sign"):
        load_signing_key(PUBLIC)
    with pytest.raises(CredentialRefused, match="`one` is private"):
        load_verification_keys({"one": PRIVATE})
    with pytest.raises(CredentialRefused, match="not a key in PEM"):
        load_signing_key(b"nonsense")
    strong = rsa.generate_private_key(65537, 2048).public_key()
    with pytest.raises(CredentialRefused):
        load_verification_keys({"rsa": strong.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)})


def test_a_key_id_is_that_of_both_halves():
    assert key_id(KEY) == key_id(TERMS.keys["one"])
    assert key_id(KEY) != key_id(load_signing_key(OTHER_PRIVATE))
