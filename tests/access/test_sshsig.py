"""Signatures of `ssh-keygen -Y sign`: the real one's hold here, and those of our device hold there."""

import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from interlock.access.faults import ApprovalRefused
from interlock.access.sshsig import Presence, public_key, verified
from tests.authenticator import TOUCHED, VERIFIED, SecurityKey, armoured

SPACE = "approval@interlock"
MESSAGE = b"request 1\nin the name of owners\n"


def keygen(*arguments: str, said: bytes = b"") -> bytes:
    return subprocess.run(["ssh-keygen", *arguments], input=said, capture_output=True, check=True).stdout


def made(directory: Path, kind: str) -> Path:
    key = directory / kind
    keygen("-q", "-t", kind, "-N", "", "-C", "a comment", "-f", str(key))
    return key


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_what_ssh_keygen_signs_holds(tmp_path: Path, kind: str) -> None:
    key = made(tmp_path, kind)
    signature = keygen("-Y", "sign", "-n", SPACE, "-f", str(key), said=MESSAGE).decode()
    found = verified(signature, MESSAGE, namespace=SPACE)
    assert found.key == public_key(key.with_suffix(".pub").read_text())
    assert found.presence is Presence.ANY
    assert found.fingerprint in keygen("-l", "-f", str(key)).decode()
    assert verified(found.base64, MESSAGE, namespace=SPACE) == found


@pytest.mark.parametrize("curve", [False, True], ids=["ed25519", "ecdsa"])
def test_our_device_is_one_for_openssh(tmp_path: Path, curve: bool) -> None:
    """Else what follows would show how two mistakes of ours agree."""
    device = SecurityKey(curve=curve)
    (tmp_path / "signature").write_text(device.sign(MESSAGE, SPACE))
    (tmp_path / "allowed").write_text(f"olga {device.line}\n")
    keygen(
        "-Y", "verify", "-n", SPACE, "-I", "olga", "-f", str(tmp_path / "allowed"), "-s", str(tmp_path / "signature"),
        said=MESSAGE,
    )  # fmt: skip
    assert verified((tmp_path / "signature").read_text(), MESSAGE, namespace=SPACE).key == public_key(device.line)


@pytest.mark.parametrize("curve", [False, True], ids=["ed25519", "ecdsa"])
@pytest.mark.parametrize(
    ("flags", "presence"),
    [
        (TOUCHED | VERIFIED, Presence.VERIFIED),
        (TOUCHED, Presence.TOUCHED),
        (VERIFIED, Presence.ANY),  # nobody was there: not believed of the rest
        (0, Presence.ANY),
    ],
)
def test_a_device_says_who_was_there(flags: int, presence: Presence, curve: bool) -> None:
    signature = SecurityKey(flags=flags, curve=curve).sign(MESSAGE, SPACE)
    assert verified(signature, MESSAGE, namespace=SPACE).presence is presence


def test_presence_rises() -> None:
    order = [Presence.ANY, Presence.TOUCHED, Presence.VERIFIED]
    assert [[one.covers(other) for other in order] for one in order] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip


def test_it_is_for_one_message_and_one_purpose() -> None:
    signature = SecurityKey().sign(MESSAGE, SPACE)
    with pytest.raises(ApprovalRefused, match="not one of this request"):
        verified(signature, MESSAGE + b".", namespace=SPACE)
    with pytest.raises(ApprovalRefused, match="sign with -n approval@interlock"):
        verified(SecurityKey().sign(MESSAGE, "git"), MESSAGE, namespace=SPACE)


def test_every_flipped_bit_is_refused() -> None:
    """Flags and counter too: they are signed."""
    whole = b64decode("".join(SecurityKey(flags=TOUCHED).sign(MESSAGE, SPACE).split("\n")[1:-2]))
    for at in range(len(whole)):
        broken = whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :]
        with pytest.raises(ApprovalRefused):
            verified(armoured(broken), MESSAGE, namespace=SPACE)


@pytest.mark.parametrize("cut", [0, 5, 6, 10, 60, -1])
def test_a_torn_one_is_refused(cut: int) -> None:
    whole = b64decode("".join(SecurityKey().sign(MESSAGE, SPACE).split("\n")[1:-2]))
    with pytest.raises(ApprovalRefused, match="cannot be read"):
        verified(armoured(whole[:cut]), MESSAGE, namespace=SPACE)
    with pytest.raises(ApprovalRefused, match="cannot be read"):
        verified(armoured(whole + b"\0"), MESSAGE, namespace=SPACE)


@pytest.mark.parametrize("text", ["", "yes", "ü", "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(ApprovalRefused, match="cannot be read"):
        verified(text, MESSAGE, namespace=SPACE)


def test_other_keys_do_not_count(tmp_path: Path) -> None:
    key = made(tmp_path, "rsa")
    with pytest.raises(ApprovalRefused, match=r"type `ssh-rsa` do not count here.*ed25519-sk"):
        public_key(key.with_suffix(".pub").read_text())
    signature = keygen("-Y", "sign", "-n", SPACE, "-f", str(key), said=MESSAGE).decode()
    with pytest.raises(ApprovalRefused, match="ssh-rsa"):
        verified(signature, MESSAGE, namespace=SPACE)


def test_a_line_is_what_it_says() -> None:
    line = SecurityKey().line
    with pytest.raises(ApprovalRefused, match="calls itself `ssh-ed25519`"):
        public_key("ssh-ed25519 " + line.split()[1])
    for broken in ("", "ssh-ed25519", "ssh-ed25519 AAAA", line[:40]):
        with pytest.raises(ApprovalRefused, match="no public key"):
            public_key(broken)
