"""From the configuration to what a worker listens with."""

import os
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from interlock.access.revocation import Revocations
from interlock.access.scram import end_point_binding
from interlock.access.spans import in_force
from interlock.app.bundles import known_here
from interlock.app.certificates import leaf_der, server_context
from interlock.app.clock import now
from interlock.app.config import Access, Config, Durability, Mode, TargetConfig
from interlock.app.credentials import (
    build_directory,
    minter_password,
    revocation_list,
    serving_certificate,
    target_context,
    target_password,
    token_terms,
)
from interlock.app.ids import new_id
from interlock.app.runbooks import runbooks_of
from interlock.app.serve.counting import Counts, CurrentJudge
from interlock.gate import Counters, Gate, Journal, Leases, Lifting, Metering, Stance, Terms
from interlock.gate.runbooks import Runbooks
from interlock.gateways.postgres.arriving.doors import Door, Settings
from interlock.gateways.postgres.arriving.login import Doorkeeper
from interlock.gateways.postgres.lent.minting import Minter
from interlock.gateways.postgres.target.catalogue import Catalogue
from interlock.gateways.postgres.target.upstream import Address, Credential, Unreachable
from interlock.intent.sql.catalog.labels import LabelBook
from interlock.intent.sql.limits import Limits
from interlock.ledger.scribe import Scribe
from interlock.model import Lease, Session
from interlock.policy import loaded

_SECOND: Final = 1_000_000
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Wiring:
    """What outlives a reload: the journal, the catalogues, the judge's place, each target's stance, the TLS context.

    `worker` of `workers` gets its share of what is limited for all of them together.
    """

    journal: Journal
    scribe: Scribe
    counts: Counts
    mark: Callable[[str], None]
    leases: Leases | None = None
    counters: Counters | None = None
    worker: int = 1
    workers: int = 1
    judge: CurrentJudge | None = None
    mock_secret: bytes = field(default_factory=lambda: os.urandom(32))
    stances: dict[str, Stance] = field(default_factory=dict)
    terms: dict[str, Terms] = field(default_factory=dict)
    runbooks: dict[str, Runbooks] = field(default_factory=dict)
    meters: dict[str, Metering] = field(default_factory=dict)
    minters: dict[tuple[str, TargetConfig, str], Minter] = field(default_factory=dict)
    catalogues: dict[tuple[str, TargetConfig, str], Catalogue] = field(default_factory=dict)

    def settings(self, config: Config, pack: Mapping[str, str], runbooks: Mapping[str, str] = NOTHING) -> Settings:
        """Everything anew from a configuration, a policy pack and runbooks, which the supervisor has activated: the
        pack's cases came out as written.

        Raises Fault, and then what was in force still is.
        """
        judge = loaded(pack, known_here(config))
        if self.judge is None:
            self.judge = CurrentJudge(judge, self.counts)
        certificate = serving_certificate(config.gateway, now=now())
        keeper = Doorkeeper(
            directory=build_directory(config, environ=os.environ, entropy=os.urandom),
            terms=None if config.tokens is None else token_terms(config.tokens),
            revocations=lambda: revocations(config),
            binding=None if certificate is None else end_point_binding(leaf_der(certificate.chain)),
            mock_secret=self.mock_secret,
            nonce=_nonce,
            now=now,
        )
        self.runbooks = {name: runbooks_of(config.runbooks, runbooks, name) for name in config.targets}
        doors = {name: self._door(name, config, self.judge) for name in config.targets}
        tls = None if certificate is None else server_context(certificate.chain, certificate.key)
        self.judge.judge = judge
        return Settings(
            doors=doors,
            keeper=keeper,
            tls=tls,
            require_tls=config.gateway.require_tls and tls is not None,
            limits=limits(config),
            largest_message=config.limits.message_bytes,
            max_connections=self._share(config.gateway.max_connections),
        )

    def _share(self, most: int) -> int:
        """Limits hold for the gateway: its workers divide them without a rest."""
        return most // self.workers + (self.worker <= most % self.workers)

    def _door(self, name: str, config: Config, judge: CurrentJudge) -> Door:
        target = config.targets[name]
        known = config.target(name)
        assert known is not None
        password = target_password(target, environ=os.environ)
        address = address_of(target)
        credential = Credential(user=target.user, password=password, database=target.database)
        labels = LabelBook(config.labels_of(name))
        catalogue = self.catalogues.get((name, target, password))
        if catalogue is None:
            catalogue = Catalogue(target=name, address=address, credential=credential, labels=labels)
            self.catalogues[name, target, password] = catalogue
        elif catalogue.labels != labels:
            catalogue.relabel(labels)
        stance = self.stances.setdefault(name, Stance())
        stance.enforce = target.mode is Mode.ENFORCE
        stance.relaxed_reads = config.ledger.durability is Durability.RELAXED_READS
        gate = Gate(
            judge=judge,
            journal=self.journal,
            scribe=self.scribe,
            now=now,
            new_id=new_id,
            stance=stance,
            mark=self.mark,
            lifting=self._lifting(name, config, judge),
            metering=self._metering(name, judge),
        )
        return Door(
            target=known,
            address=address,
            credential=credential,
            catalogue=catalogue,
            gate=gate,
            minter=self._minter(name, config),
            leases=self._in_force if target.access is Access.PER_LEASE else _no_leases,
            max_connections=None if target.max_connections is None else self._share(target.max_connections),
        )

    def _in_force(self, session: Session) -> Sequence[Lease]:
        standing = () if self.leases is None else self.leases.standing(session)
        return [lease for lease in standing if in_force(lease, session.principal, session.target.name, now())]

    def _metering(self, name: str, judge: CurrentJudge) -> Metering | None:
        """The same one after a reload: commands that run are in it."""
        if self.counters is None:
            return None
        return self.meters.setdefault(name, Metering(counters=self.counters, counted=lambda: judge.counts, now=now))

    def _minter(self, name: str, config: Config) -> Minter | None:
        target = config.targets[name]
        if target.access is Access.STANDING or target.minter is None:
            return None
        password = minter_password(target.minter, environ=os.environ)
        found = self.minters.get((name, target, password))
        if found is None:
            found = self.minters[name, target, password] = Minter(
                gateway=config.gateway.id,
                target=name,
                address=address_of(target),
                credential=Credential(user=target.minter.user, password=password, database=target.database),
                owner_role=target.minter.owner_role,
                entropy=os.urandom,
            )
        return found

    def followed(self) -> list[Catalogue | Minter]:
        """What looks after its target from time to time."""
        return [*self.catalogues.values(), *self.minters.values()]

    async def close(self) -> None:
        """Leave nothing on the targets that was made for this process's sessions."""
        for minter in self.minters.values():
            try:
                await minter.close()
            except Unreachable as fault:
                sys.stderr.write(f"roles of this gateway may have stayed, and the next start removes them: {fault}\n")

    def _lifting(self, name: str, config: Config, judge: CurrentJudge) -> Lifting | None:
        if self.leases is None:
            return None
        wait = config.targets[name].approval_wait
        terms = self.terms.setdefault(name, Terms(asking=0))
        terms.asking = config.approvals.expire * _SECOND
        terms.leased = config.targets[name].access is Access.PER_LEASE
        terms.patience = 0 if wait is None else wait * _SECOND
        return Lifting(
            leases=self.leases,
            judge=judge,
            scribe=self.scribe,
            now=now,
            new_id=new_id,
            salt=lambda: os.urandom(32).hex(),
            terms=terms,
            runbooks=self.runbooks[name],
        )


def _no_leases(session: Session) -> Sequence[Lease]:
    return ()


def _nonce() -> str:
    return b64encode(os.urandom(18)).decode()


def limits(config: Config) -> Limits:
    """What a text may look like."""
    asked = config.limits
    return Limits(
        max_bytes=asked.statement_bytes,
        max_depth=asked.nesting,
        max_statements=asked.statements,
        max_comment_run=asked.comment_run,
        big_table_mb=asked.big_table_mb,
        huge_table_rows=asked.huge_table_rows,
    )


def address_of(target: TargetConfig) -> Address:
    """Where a target listens."""
    return Address(port=target.port, host=target.host or "localhost", socket=target.socket, tls=target_context(target))


def revocations(config: Config) -> Revocations:
    """What is revoked now."""
    return Revocations() if config.tokens is None else revocation_list(config.tokens)
