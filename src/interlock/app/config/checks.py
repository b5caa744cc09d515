"""What a configuration says that cannot be true: references to nothing, contradictions, files that are not there."""

import os
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from interlock.access.faults import ApprovalRefused
from interlock.access.identity import Entry, directory_problems
from interlock.access.sshsig import public_key
from interlock.app.config.reading import Problem
from interlock.app.config.schema import (
    LONGEST_TOKEN,
    Access,
    ApprovalsConfig,
    Config,
    HookFormat,
    PrincipalConfig,
    ServingTls,
    TargetConfig,
    TargetTls,
    TokensConfig,
    WebhookConfig,
)
from interlock.app.config.values import SHIPPED_PACKS

_LABELLED: Final = re.compile(r"(?P<target>[^.]+)(?:\.[^.]+){2,3}")
TARGET_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_KINDS: Final = ("postgresql",)


def find_problems(config: Config) -> Iterator[Problem]:
    """Everything wrong with a configuration whose sections are each well formed."""
    yield from _gateway_problems(config)
    for name, target in config.targets.items():
        yield from _target_problems(name, target, config)
    if not config.targets:
        yield Problem(("targets",), "there is no target: add a [targets.NAME] for the database to protect")
    yield from _label_problems(config)
    for name, principal in config.principals.items():
        yield from _principal_problems(name, principal, config)
    yield from _chain_problems(config)
    if config.tokens is not None:
        yield from _token_problems(config.tokens)
    yield from _signer_problems(config.approvals)
    for name, hook in config.approvals.webhooks.items():
        yield from _webhook_problems(("approvals", "webhooks", name), hook)
    pack = config.policy.pack
    if pack.directory is not None and not pack.directory.is_dir():
        shipped = ", ".join(SHIPPED_PACKS)
        yield Problem(("policy", "pack"), f"`{pack.name}` is neither a directory nor one of {shipped}: name a pack")


def _gateway_problems(config: Config) -> Iterator[Problem]:
    gateway = config.gateway
    files = {"certificate": gateway.certificate, "key": gateway.key}
    for key, path in files.items():
        if gateway.tls is ServingTls.FILES and path is None:
            yield Problem(("gateway", "tls"), f'`{key}` is missing: tls = "files" needs certificate and key')
        elif gateway.tls is not ServingTls.FILES and path is not None:
            yield Problem(("gateway", key), f'`{key}` is not used with tls = "{gateway.tls.value}": set tls = "files"')
        elif path is not None:
            yield from _unreadable(("gateway", key), path)
    if gateway.tls is ServingTls.OFF and gateway.require_tls:
        yield Problem(("gateway", "tls"), 'tls = "off" leaves nobody to connect: also set require_tls = false')
    if gateway.tls is ServingTls.OFF and not _is_loopback(gateway.listen.host):
        yield Problem(
            ("gateway", "tls"), 'tls = "off" is for loopback alone: listen on 127.0.0.1, or use a certificate'
        )
    if gateway.admin == gateway.listen and gateway.listen.port:
        yield Problem(("gateway", "admin"), "`admin` is where clients connect: give it a port of its own")


def _target_problems(name: str, target: TargetConfig, config: Config) -> Iterator[Problem]:
    place = ("targets", name)
    if not TARGET_NAME.fullmatch(name):
        yield Problem(place, f"`{name}` cannot name a target: use lower-case letters, digits, `_` and `-`")
    if target.kind not in _KINDS:
        yield Problem((*place, "kind"), f"`kind` cannot be `{target.kind}`: this version protects {', '.join(_KINDS)}")
    if (target.host is None) == (target.socket is None):
        yield Problem(place, "a target is reached by `host` or by `socket` (a directory): set one of them")
    if (target.password_env is None) == (target.password_file is None):
        yield Problem(place, "the password comes from `password_env` or from `password_file`: set one of them")
    if target.password_file is not None:
        yield from _unreadable((*place, "password_file"), target.password_file)
    if target.host is not None and (target.host, target.port) == (
        config.gateway.listen.host,
        config.gateway.listen.port,
    ):
        yield Problem(place, "the target is the gateway itself: name the address of the database")
    yield from _target_tls_problems(place, target)
    yield from _access_problems(place, target)


def _access_problems(place: tuple[str, ...], target: TargetConfig) -> Iterator[Problem]:
    minter = target.minter
    if minter is None:
        if target.access is not Access.STANDING:
            problem = f'access = "{target.access}" needs a role that lends: add a `minter` section'
            yield Problem((*place, "access"), problem)
        return
    if target.access is Access.STANDING:
        yield Problem((*place, "minter"), "`minter` is not used with standing access: set another `access`")
    if minter.user == target.user:
        yield Problem((*place, "minter", "user"), "the minting role must not be the one that reads: name a second role")
    if (minter.password_env is None) == (minter.password_file is None):
        yield Problem((*place, "minter"), "the password comes from `password_env` or from `password_file`: set one")
    elif minter.password_file is not None:
        yield from _unreadable((*place, "minter", "password_file"), minter.password_file)


def _target_tls_problems(place: tuple[str, ...], target: TargetConfig) -> Iterator[Problem]:
    if target.tls is TargetTls.DISABLE:
        if target.host is not None and not _is_loopback(target.host):
            yield Problem(
                (*place, "tls"), f'tls = "disable" to `{target.host}` sends everything in the clear: use verify-full'
            )
        if target.ca is not None:
            yield Problem((*place, "ca"), '`ca` is not used with tls = "disable": remove one of them')
    elif target.ca is not None:
        yield from _unreadable((*place, "ca"), target.ca)


def _label_problems(config: Config) -> Iterator[Problem]:
    for label, objects in config.labels.items():
        for name in objects:
            place, found = ("labels", label), _LABELLED.fullmatch(name)
            if found is None:
                yield Problem(
                    place, f"`{name}` is no table or column: write target.schema.table or target.schema.table.column"
                )
            elif found["target"] not in config.targets:
                yield Problem(
                    place, f"`{name}` names target `{found['target']}`, which does not exist: {_targets(config)}"
                )


def _principal_problems(name: str, principal: PrincipalConfig, config: Config) -> Iterator[Problem]:
    place = ("principals", name)
    for target in sorted((principal.targets or frozenset()) - config.targets.keys()):
        yield Problem((*place, "targets"), f"`{target}` is not a target: {_targets(config)}")
    ways = (principal.verifier, principal.secret_env, principal.secret_file)
    if sum(way is not None for way in ways) > 1:
        yield Problem(place, "a principal has one of `verifier`, `secret_env` and `secret_file`: keep one")
    if principal.secret_file is not None:
        yield from _unreadable((*place, "secret_file"), principal.secret_file)


def _chain_problems(config: Config) -> Iterator[Problem]:
    entries = {
        name: Entry(name=name, kind=principal.kind, on_behalf_of=principal.on_behalf_of)
        for name, principal in config.principals.items()
    }
    for name, problem in directory_problems(entries):
        yield Problem(("principals", name, "on_behalf_of"), f"`{name}` {problem}")


def _token_problems(tokens: TokensConfig) -> Iterator[Problem]:
    if not tokens.keys:
        yield Problem(("tokens", "keys"), "there is no key: name a public key file, or remove [tokens]")
    for kid, path in tokens.keys.items():
        yield from _unreadable(("tokens", "keys", kid), path)
    if tokens.max_lifetime > LONGEST_TOKEN:
        yield Problem(("tokens", "max_lifetime"), f"tokens live for {LONGEST_TOKEN // 3600}h at most: shorten it")


def _signer_problems(approvals: ApprovalsConfig) -> Iterator[Problem]:
    for name, keys in approvals.signers.items():
        for key in keys:
            try:
                public_key(key)
            except ApprovalRefused as refused:
                yield Problem(("approvals", "signers", name), str(refused))
    if approvals.signed and not approvals.signers:
        yield Problem(("approvals", "signed"), "nobody can sign: add the public keys of people to [approvals.signers]")


def _webhook_problems(place: tuple[str, ...], hook: WebhookConfig) -> Iterator[Problem]:
    if (hook.url is None) == (hook.url_env is None):
        yield Problem(place, "an address comes from `url` or from `url_env`: set one of them")
    if hook.url is not None and (problem := url_problem(hook.url)) is not None:
        yield Problem((*place, "url"), problem)
    if hook.secret_file is not None:
        yield from _unreadable((*place, "secret_file"), hook.secret_file)
    signs = (hook.secret_env is None) != (hook.secret_file is None)
    if hook.format is HookFormat.CLOUDEVENTS and not signs:
        yield Problem(place, "a receiver must be able to check who speaks: set one of `secret_env` and `secret_file`")


def url_problem(url: str) -> str | None:
    """Why nothing may be posted there; None where it may."""
    place = urlsplit(url)
    if place.scheme == "https" and place.hostname:
        return None
    if place.scheme == "http" and place.hostname and _is_loopback(place.hostname):
        return None
    return "what is held is nobody else's business: the address begins with https://, or is on loopback"


def _unreadable(place: tuple[str, ...], path: Path) -> Iterator[Problem]:
    if not path.is_file():
        yield Problem(place, f"`{path}` is not a file: check the path (relative ones start where interlock.toml is)")
    elif not os.access(path, os.R_OK):
        yield Problem(place, f"`{path}` cannot be read: check its owner and mode")


def _targets(config: Config) -> str:
    return f"there is {', '.join(f'`{name}`' for name in config.targets) or 'none'}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
