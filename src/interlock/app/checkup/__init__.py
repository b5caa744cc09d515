"""The doctor: every check of a set-up, from the configuration file to the way around the gateway."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from interlock.app.bundles import read_pack
from interlock.app.certificates import SOON_DAYS, days_left, server_context
from interlock.app.checkup.check import Check, Grade, counted, fail, fault, ok, warn
from interlock.app.checkup.minter import examine_minter
from interlock.app.checkup.target import examine_target
from interlock.app.config import Address, Config, ConfigFault, load_config
from interlock.app.credentials import build_directory, revocation_list, serving_certificate, token_terms
from interlock.app.secrets import SecretUnavailable, exposure
from interlock.model import Fault
from interlock.policy.bundle import Bundle

__all__ = ["Check", "Grade", "examine"]

_MEGABYTE: Final = 1 << 20
_ANSWER_SECONDS: Final = 2

Question = Callable[[], Iterator[Check]]


async def examine(
    file: Path, *, environ: Mapping[str, str], entropy: Callable[[int], bytes], now: int
) -> AsyncIterator[Check]:
    """Every check of the set-up in `file`, as it is answered. Makes nothing but what the gateway itself would make."""
    try:
        config = load_config(file)
    except ConfigFault as refused:
        for line, message in refused.problems:
            yield fault("config", ConfigFault(file.name, [(line, message)]))
        return
    yield ok("config", f"{file} reads")
    questions: dict[str, Question] = {
        "secrets": lambda: _secret_files(config),
        "principals": lambda: _principals(config, environ, entropy),
        "tokens": lambda: _tokens(config),
        "tls": lambda: _certificate(config, now),
        "ledger": lambda: _ledger(config),
        "policy": lambda: _policy(config),
    }
    for about, question in questions.items():
        try:
            for check in question():
                yield check
        except Fault as raised:
            yield fault(about, raised)
    yield await _gateway(config)
    for name, target in config.targets.items():
        for check in await examine_target(f"target {name}", target, environ):
            yield check
        for check in await examine_minter(f"minter {name}", name, config, environ):
            yield check


def _secret_files(config: Config) -> Iterator[Check]:
    files = [target.password_file for target in config.targets.values()]
    files += [principal.secret_file for principal in config.principals.values()]
    files += [config.gateway.key, config.tokens.signing_key if config.tokens else None]
    files += [key for key in (config.ledger.signing_key, config.ledger.data_key) if key.exists()]
    named = [file for file in files if file is not None]
    open_files = [problem for file in named if (problem := exposure(file)) is not None]
    for problem in open_files:
        yield fault("secrets", SecretUnavailable(problem))
    if not open_files:
        yield ok("secrets", f"{counted(len(named), 'secret file')}, readable by the owner alone")


def _principals(config: Config, environ: Mapping[str, str], entropy: Callable[[int], bytes]) -> Iterator[Check]:
    directory = build_directory(config, environ=environ, entropy=entropy)
    able = sum(account.verifier is not None for account in directory)
    if not able and config.tokens is None:
        yield fail("principals", "nobody can log in", "add a principal with `interlock principal verifier NAME`")
    else:
        yield ok("principals", f"{len(directory)} known, {able} with a password")


def _tokens(config: Config) -> Iterator[Check]:
    if config.tokens is None:
        return
    terms, revoked = token_terms(config.tokens), revocation_list(config.tokens)
    count = len(revoked.tokens) + len(revoked.subjects)
    keys = f"{counted(len(terms.keys), 'key')} of {terms.issuer}"
    yield ok("tokens", f"{keys}, at most {terms.longest_lifetime} s, {count} revoked")


def _certificate(config: Config, now: int) -> Iterator[Check]:
    made = serving_certificate(config.gateway, now=now)
    if made is None:
        yield warn("tls", "clients come in without TLS, on loopback alone", "set tls, so that tokens can be used")
        return
    server_context(made.chain, made.key)  # as the gateway will: a key of another certificate is refused here too
    left = days_left(made.chain, now=now)
    if left < 0:
        yield fail("tls", f"{made.chain} has expired", "renew it")
    elif left < SOON_DAYS:
        yield warn("tls", f"{made.chain} expires in {left} days", "renew it; the gateway takes it up on reload")
    else:
        yield ok("tls", f"{made.chain} is good for {left} days")


def _ledger(config: Config) -> Iterator[Check]:
    place = next(path for path in (config.ledger.path, *config.ledger.path.parents) if path.exists())
    if not os.access(place, os.W_OK):
        yield fail("ledger", f"{place} cannot be written", "give it to the account that runs the gateway")
        return
    free, least = shutil.disk_usage(place).free // _MEGABYTE, config.ledger.watermark_mb
    if free < least:
        yield fail("ledger", f"{free} MB are free, fewer than the watermark of {least} MB", "free space, or move it")
    elif free < 4 * least:
        yield warn("ledger", f"{free} MB are free; at {least} MB no new commands run", "free space soon")
    else:
        yield ok("ledger", f"{config.ledger.path}, {free} MB free, {config.ledger.durability}")


def _policy(config: Config) -> Iterator[Check]:
    bundle = Bundle.load(read_pack(config.policy.pack))
    yield ok("policy", f"{config.policy.pack.name}: {len(bundle.rules)} policies, {bundle.digest[:19]}")


async def _gateway(config: Config) -> Check:
    listen = config.gateway.listen
    if await _answers_at(listen):
        return ok("gateway", f"something answers on {listen}")
    return warn("gateway", f"nothing answers on {listen}", "start it with `interlock serve`")


async def _answers_at(address: Address) -> bool:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
