import pytest

from interlock.access.faults import CredentialRefused
from interlock.access.verifier import derive_verifier, mock_verifier, parse_verifier

SALT = bytes(range(16))


def test_a_verifier_is_written_as_postgresql_writes_it_and_read_back():
    verifier = derive_verifier("pencil", salt=SALT)
    assert str(verifier).startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
    assert parse_verifier(str(verifier)) == verifier


def test_a_verifier_keeps_out_of_logs():
    verifier = derive_verifier("pencil", salt=SALT)
    assert str(verifier) not in repr({"account": verifier})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("md5c7c1d4bd3ab3d26b9d2a4f1e0b6ff", "not a SCRAM-SHA-256 verifier"),
        ("pencil", "not a SCRAM-SHA-256 verifier"),
        ("SCRAM-SHA-256$0:AAECAwQFBgcICQoLDA0ODw==$a:b", "not a SCRAM-SHA-256 verifier"),
        ("SCRAM-SHA-256$4096:!!$a:b", "not base64"),
        ("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$AAAA:AAAA", "32 bytes"),
    ],
)
def test_what_is_no_verifier_is_refused_and_the_reason_is_told(text, says):
    with pytest.raises(CredentialRefused, match=says):
        parse_verifier(text)


def test_few_iterations_and_short_salts_are_refused():
    text = str(derive_verifier("pencil", salt=SALT))
    with pytest.raises(CredentialRefused, match="fewer than 4096"):
        parse_verifier(text.replace("$4096:", "$1024:"))
    with pytest.raises(CredentialRefused, match="shorter than 12 bytes"):
        parse_verifier(text.replace("AAECAwQFBgcICQoLDA0ODw==", "AAECAw=="))


def test_the_mock_verifier_is_the_same_for_a_name_and_differs_between_names_and_secrets():
    one = mock_verifier("mallory", secret=b"k" * 32)
    assert one == mock_verifier("mallory", secret=b"k" * 32)
    assert one.salt != mock_verifier("ana", secret=b"k" * 32).salt
    assert one.salt != mock_verifier("mallory", secret=b"q" * 32).salt
    assert parse_verifier(str(one)) == one
