import stat

import pytest

from interlock.app.secrets import SecretUnavailable, exposure, read_secret, write_private


def test_a_secret_comes_from_the_environment_or_from_a_private_file(tmp_path):
    write_private(tmp_path / "secret", b"pencil\n")
    assert read_secret(env="S", file=None, environ={"S": "from env"}) == "from env"
    assert read_secret(env=None, file=tmp_path / "secret", environ={}) == "pencil"
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("environ", [{}, {"S": ""}])
def test_a_variable_that_is_not_set_is_named(environ):
    with pytest.raises(SecretUnavailable, match="`S` is not set"):
        read_secret(env="S", file=None, environ=environ)


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o602, 0o601, 0o777])
def test_a_file_that_others_can_open_is_refused_with_the_command_that_helps(tmp_path, mode):
    file = tmp_path / "secret"
    write_private(file, b"pencil")
    file.chmod(mode)
    with pytest.raises(SecretUnavailable, match="chmod 600"):
        read_secret(env=None, file=file, environ={})
    file.chmod(0o640)
    assert exposure(file) is None


def test_missing_and_empty_files_are_told_apart(tmp_path):
    write_private(tmp_path / "empty", b"\n")
    with pytest.raises(SecretUnavailable, match="is empty"):
        read_secret(env=None, file=tmp_path / "empty", environ={})
    with pytest.raises(SecretUnavailable, match="No such file"):
        read_secret(env=None, file=tmp_path / "missing", environ={})
    with pytest.raises(SecretUnavailable, match="no secret is configured"):
        read_secret(env=None, file=None, environ={})


def test_nothing_is_overwritten(tmp_path):
    write_private(tmp_path / "key", b"first")
    with pytest.raises(FileExistsError):
        write_private(tmp_path / "key", b"second")
    assert (tmp_path / "key").read_bytes() == b"first"
