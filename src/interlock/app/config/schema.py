"""What interlock.toml may say: every section, every key, every default."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import msgspec

from interlock.access.sshsig import Presence
from interlock.access.tokens import DEFAULT_LIFETIME, LONGEST_LIFETIME
from interlock.access.verifier import Verifier
from interlock.app.config.values import Address, Pack, Seconds
from interlock.model import PrincipalKind, Target

STATE: Final = Path(".interlock")

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_.@-]{0,62}$")]
Count = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of interlock.toml."""


class ServingTls(StrEnum):
    """`generated`: a certificate for localhost, made on the first start. `files`: yours. `off`: none."""

    GENERATED = "generated"
    FILES = "files"
    OFF = "off"


class TargetTls(StrEnum):
    """As libpq's sslmode; there is no `prefer`, which an attacker can turn into `disable`."""

    VERIFY_FULL = "verify-full"
    VERIFY_CA = "verify-ca"
    REQUIRE = "require"
    DISABLE = "disable"


class Mode(StrEnum):
    """`observe` decides and records, and blocks nothing."""

    ENFORCE = "enforce"
    OBSERVE = "observe"


class Durability(StrEnum):
    """When a command may run: after its record is on disk, or, for unlabelled reads, after it is written."""

    STRICT = "strict"
    RELAXED_READS = "relaxed-reads"


class GatewayConfig(Section, frozen=True, kw_only=True):
    """[gateway]: where clients come in."""

    id: Name = "interlock"
    listen: Address = Address("127.0.0.1", 6432)
    admin: Address | None = Address("127.0.0.1", 6433)
    tls: ServingTls = ServingTls.GENERATED
    certificate: Path | None = None
    key: Path | None = None
    require_tls: bool = True
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    max_connections: Count = 500
    drain_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 30
    state: Path = STATE

    @property
    def tls_directory(self) -> Path:
        """Where the generated certificate lives."""
        return self.state / "tls"


class Access(StrEnum):
    """When a session holds privileges on its target: always, while one of its commands runs, or until a lease ends that
    covers one of them."""

    STANDING = "standing"
    PER_COMMAND = "per-command"
    PER_LEASE = "per-lease"


class MinterConfig(Section, frozen=True, kw_only=True):
    """[targets.NAME.minter]: the second role of the gateway there, which makes logins and lends privileges.

    `owner_role` is whom commands run as whose needs cannot be known, or are ownership; not set, those are refused.
    """

    user: str
    password_env: str | None = None
    password_file: Path | None = None
    owner_role: str | None = None


class TargetConfig(Section, frozen=True, kw_only=True):
    """[targets.NAME]: one protected database. Clients name it as their database.

    `approval_wait`: how long a connection waits for people when a command is held; not set, it is told at once.
    """

    environment: Name
    database: str
    user: str
    kind: str = "postgresql"
    host: str | None = None
    socket: Path | None = None
    port: Port = 5432
    password_env: str | None = None
    password_file: Path | None = None
    tls: TargetTls = TargetTls.VERIFY_FULL
    ca: Path | None = None
    labels: frozenset[Name] = frozenset()
    mode: Mode = Mode.ENFORCE
    access: Access = Access.STANDING
    minter: MinterConfig | None = None
    max_connections: Count | None = None
    approval_wait: Seconds | None = None


class PrincipalConfig(Section, frozen=True, kw_only=True):
    """[principals.NAME]: who may log in by name, and for whom it acts."""

    kind: PrincipalKind
    groups: frozenset[Name] = frozenset()
    on_behalf_of: str | None = None
    targets: frozenset[str] | None = None
    verifier: Verifier | None = None
    secret_env: str | None = None
    secret_file: Path | None = None


class TokensConfig(Section, frozen=True, kw_only=True):
    """[tokens]: whose signed tokens are believed. `signing_key` is only needed where tokens are minted."""

    issuer: str
    audience: str
    keys: dict[str, Path]
    revocations: Path = STATE / "revocations.jsonl"
    max_lifetime: Seconds = Seconds(DEFAULT_LIFETIME)
    signing_key: Path | None = None


class LimitsConfig(Section, frozen=True, kw_only=True):
    """[limits]: what no client may exceed; from which size on a lock is heavy, and a read of everything huge."""

    statement_bytes: Count = 262_144
    nesting: Annotated[int, msgspec.Meta(ge=1, le=256)] = 48
    statements: Count = 1_000
    comment_run: Count = 64
    big_table_mb: Count = 128
    huge_table_rows: Count = 1_000_000
    message_bytes: Annotated[int, msgspec.Meta(ge=65_536, le=1 << 30)] = 64 << 20


class LedgerConfig(Section, frozen=True, kw_only=True):
    """[ledger]: where decisions are written down. `watermark_mb`: below this much free disk only operators act."""

    path: Path = STATE / "ledger"
    signing_key: Path = STATE / "keys" / "ledger-signing.key"
    data_key: Path = STATE / "keys" / "ledger-data.key"
    durability: Durability = Durability.STRICT
    watermark_mb: Count = 256


class HookFormat(StrEnum):
    """`cloudevents`: an envelope that is signed. `slack`: a message as Slack's incoming webhooks take it."""

    CLOUDEVENTS = "cloudevents"
    SLACK = "slack"


class WebhookConfig(Section, frozen=True, kw_only=True):
    """[approvals.webhooks.NAME]: who is told of requests. `url_env` for an address that is itself a secret."""

    url: str | None = None
    url_env: str | None = None
    format: HookFormat = HookFormat.CLOUDEVENTS
    secret_env: str | None = None
    secret_file: Path | None = None


class ApprovalsConfig(Section, frozen=True, kw_only=True):
    """[approvals]: `expire` is how long a request waits for people, `valid` how long an approved command may take to
    be sent again. `socket` is where `interlock approvals` talks to the gateway. People of the group `break_glass` may
    put a reason in the place of approvals, with a second factor; not set, nobody may. Approvals in the name of the
    groups `second_factor` need one, too; those in the name of the groups `signed` need a signature over the card, by a
    key of `signers`, as `signature` asks for it."""

    expire: Seconds = Seconds(3600)
    valid: Seconds = Seconds(900)
    socket: Path = STATE / "approvals.sock"
    break_glass: Name | None = None
    second_factor: frozenset[Name] = frozenset()
    signed: frozenset[Name] = frozenset()
    signature: Presence = Presence.VERIFIED
    signers: dict[str, tuple[str, ...]] = {}
    webhooks: dict[str, WebhookConfig] = {}


class SignerConfig(Section, frozen=True, kw_only=True):
    """[runbooks.signers.NAME]: the public key of somebody who may approve in advance, in the name of these groups."""

    key: Path
    groups: frozenset[Name]


class RunbooksConfig(Section, frozen=True, kw_only=True):
    """[runbooks]: where signed runbooks are, and whose signatures count."""

    directory: Path = STATE / "runbooks"
    signers: dict[str, SignerConfig] = {}


class PolicyConfig(Section, frozen=True, kw_only=True):
    """[policy]: `production`, `development`, or the directory of a pack of your own."""

    pack: Pack = Pack("production")


class Config(Section, frozen=True, kw_only=True):
    """A whole interlock.toml; every path in it is absolute."""

    targets: dict[str, TargetConfig]
    gateway: GatewayConfig = GatewayConfig()
    principals: dict[str, PrincipalConfig] = {}
    labels: dict[str, tuple[str, ...]] = {}
    tokens: TokensConfig | None = None
    limits: LimitsConfig = LimitsConfig()
    ledger: LedgerConfig = LedgerConfig()
    policy: PolicyConfig = PolicyConfig()
    approvals: ApprovalsConfig = ApprovalsConfig()
    runbooks: RunbooksConfig = RunbooksConfig()

    def target(self, name: str) -> Target | None:
        """The target of that name as policy sees it."""
        found = self.targets.get(name)
        if found is None:
            return None
        return Target(name=name, kind=found.kind, environment=found.environment, labels=found.labels)

    def labels_of(self, target: str) -> Mapping[str, frozenset[str]]:
        """`schema.table` or `schema.table.column` -> labels, for the objects of one target."""
        book: dict[str, set[str]] = {}
        for label, objects in self.labels.items():
            for name in objects:
                owner, _, rest = name.partition(".")
                if owner == target:
                    book.setdefault(rest, set()).add(label)
        return {name: frozenset(labels) for name, labels in book.items()}


LONGEST_TOKEN: Final = Seconds(LONGEST_LIFETIME)
