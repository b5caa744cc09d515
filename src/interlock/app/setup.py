"""A first set-up: the text of an interlock.toml for one database, and the files it names."""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct

from interlock.access.keys import make_keypair
from interlock.access.verifier import Verifier
from interlock.app.certificates import development_certificate
from interlock.app.config.checks import TARGET_NAME
from interlock.app.config.schema import STATE, TargetTls
from interlock.app.secrets import write_private
from interlock.model import CallerFault, OurFault

CONFIG_NAME: Final = "interlock.toml"
_PORT: Final = 5432
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.@-]{0,62}")
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9_-]+")
_LONGEST_TARGET: Final = 40  # of a name made here: others are made of it
_ONE_SERVER: Final = "`{}` is a list of servers, and a target is one: name the one that is to be protected"
_EXAMPLE: Final = "write postgresql://user@host:5432/database"


class SetupRefused(CallerFault):
    """A database URL or a name that no set-up can be made of."""


class SetupExists(OurFault):
    """There is a set-up here already; nothing of it was touched."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a database is, from its URL. `host` and `socket` exclude each other; `password` None: it was not given."""

    host: str | None
    socket: str | None
    port: int
    database: str
    user: str
    password: str | None
    tls: TargetTls
    ca: str | None

    @property
    def target(self) -> str:
        """A name for it that a target may have."""
        name = _NOT_IN_NAMES.sub("-", self.database.lower())[:_LONGEST_TARGET].strip("-")
        return name if name[:1].isalpha() or name[:1] == "_" else f"db-{name}".rstrip("-")


class Plan(Struct, frozen=True, kw_only=True):
    """What is to be set up: one target, one agent that may log in, and the person it acts for."""

    place: Place
    target: str
    environment: str
    pack: str
    agent: str
    person: str
    verifier: Verifier


def read_url(url: str) -> Place:
    """`postgresql://user:password@host:port/database?sslmode=...&sslrootcert=...`, as libpq reads it.

    Raises SetupRefused for what no target can be, rather than making something else of it.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise SetupRefused(f"this is no URL ({str(error).lower()}): {_EXAMPLE}") from error
    if not unquote(url).isprintable():
        raise SetupRefused(f"the URL holds a control character: {_EXAMPLE}")
    if parts.scheme not in {"postgresql", "postgres"}:
        raise SetupRefused(
            f"`{parts.scheme or 'nothing'}` is no scheme of PostgreSQL: write postgresql://user@host/database"
        )
    options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    try:
        port = parts.port or int(options.get("port", _PORT))
    except ValueError as error:
        if "," in parts.netloc:
            raise SetupRefused(_ONE_SERVER.format(parts.netloc.rpartition("@")[2])) from error
        raise SetupRefused(f"the port in the URL is no port: {_EXAMPLE}") from error
    host = unquote(parts.hostname or "") or options.get("host", "localhost")
    if "," in host:
        raise SetupRefused(_ONE_SERVER.format(host))
    user, database = unquote(parts.username or options.get("user", "")), unquote(parts.path.removeprefix("/"))
    if not user or not database:
        raise SetupRefused("the URL must name a user and a database: write postgresql://user@host/database")
    socket = host if host.startswith("/") else None
    password = parts.password or options.get("password")
    return Place(
        host=None if socket else host,
        socket=socket,
        port=port,
        database=database,
        user=user,
        password=None if password is None else unquote(password),
        tls=_tls(options.get("sslmode"), local=socket is not None or _is_loopback(host)),
        ca=options.get("sslrootcert"),
    )


def write_setup(directory: Path, plan: Plan, *, seed: bytes, now: int) -> Path:
    """Write interlock.toml and the files it names; returns the authority that clients trust. Overwrites nothing."""
    if not TARGET_NAME.fullmatch(plan.target):
        raise SetupRefused(f"`{plan.target}` cannot name a target: use lower-case letters, digits, `_` and `-`")
    for name in (plan.environment, plan.agent, plan.person):
        if not _NAME.fullmatch(name):
            raise SetupRefused(f"`{name}` is no name here: use letters, digits, `_`, `.`, `@` and `-`")
    config = directory / CONFIG_NAME
    if config.exists():
        raise SetupExists(f"`{config}` is there already: edit it, or choose another --dir")
    state = directory / STATE
    # Nothing below is for version control, whatever else the directory is used for.
    write_private(state / ".gitignore", b"*\n")
    private, public = make_keypair(seed)
    write_private(state / "keys" / "tokens.key", private)
    write_private(state / "keys" / "tokens.pub", public)
    if plan.place.password is not None:
        write_private(directory / _password_file(plan), plan.place.password.encode() + b"\n")
    made = development_certificate(state / "tls", now=now)
    config.write_text(render_config(plan), encoding="utf-8")
    return made.authority


def password_variable(plan: Plan) -> str:
    """The environment variable that is to hold the target's password when the URL had none."""
    return re.sub(r"[^A-Z0-9]", "_", plan.target.upper()) + "_PASSWORD"


def render_config(plan: Plan) -> str:
    """The commented interlock.toml."""
    place, name = plan.place, plan.target
    where = f'socket = "{_escape(place.socket)}"' if place.socket else f'host = "{_escape(place.host or "")}"'
    if place.password is None:
        password = f'password_env = "{password_variable(plan)}"'
    else:
        password = f'password_file = "{_password_file(plan)}"'
    ca = f'ca = "{_escape(place.ca)}"' if place.ca and place.tls is not TargetTls.DISABLE else '# ca = "ca.pem"'
    return _TEMPLATE.format(
        name=name,
        gateway=f"{name[:_LONGEST_TARGET]}-gateway",
        where=where,
        port=place.port,
        database=_escape(place.database),
        user=_escape(place.user),
        password=password,
        tls=place.tls.value,
        ca=ca,
        environment=plan.environment,
        pack=_escape(plan.pack),
        agent=plan.agent,
        person=plan.person,
        verifier=plan.verifier,
        state=STATE,
    )


def _password_file(plan: Plan) -> Path:
    return STATE / "secrets" / f"{plan.target}.password"


def _tls(mode: str | None, *, local: bool) -> TargetTls:
    match mode:
        case "verify-full" | "verify-ca" | "require":
            return TargetTls(mode)
        case "disable" if local:
            return TargetTls.DISABLE
        case "disable":
            raise SetupRefused("sslmode=disable sends everything in the clear: leave it out for verify-full")
        case "prefer" | "allow":
            raise SetupRefused(f"sslmode={mode} is `disable` to whoever is in between: write require or verify-full")
        case None:
            # The safe one: but most servers on this machine have no certificate, and no wire to protect.
            return TargetTls.DISABLE if local else TargetTls.VERIFY_FULL
        case _:
            raise SetupRefused(f"`{mode}` is no sslmode: write verify-full, verify-ca or require")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


_TEMPLATE: Final = """\
# Interlock: who may do what to which database, and where that is written down.
# Paths start at this file. `interlock doctor` checks all of it.

[gateway]
# Names this gateway and its ledger; never change it.
id = "{gateway}"
# Where clients connect, and where /healthz and /metrics are.
listen = "127.0.0.1:6432"
admin = "127.0.0.1:6433"
# "generated" is a certificate for localhost; "files" takes `certificate` and `key`.
tls = "generated"
require_tls = true

# Clients name the target as their database. The role should own nothing:
# `interlock target prepare {name}` prints what its administrator must grant.
[targets.{name}]
{where}
port = {port}
database = "{database}"
user = "{user}"
{password}
# verify-full, verify-ca, require; disable only on this machine.
tls = "{tls}"
{ca}
# Policies ask for the environment.
environment = "{environment}"
# "observe" decides and records, and blocks nothing.
mode = "enforce"

# What columns hold, for policies to ask: label = [target.schema.table[.column]].
[labels]
# pii = ["{name}.public.customers.email", "{name}.public.customers.phone"]

# Who may log in by name. Groups are what policies permit things to: in the packs that ship, `engineers` read and
# write, `analysts` read, `dba` changes structures. An agent has no more rights than the person it acts for.
[principals."{person}"]
kind = "person"
groups = ["engineers"]

# Another verifier: `interlock principal verifier {agent}`.
[principals."{agent}"]
kind = "agent"
groups = ["engineers"]                # may write, within the pack's rules; without it: reads only
on_behalf_of = "{person}"             # and never more than this person may
targets = ["{name}"]
verifier = "{verifier}"

# Short-lived tokens, sent as the password: `interlock token mint --sub {person} --act {agent}`.
[tokens]
issuer = "{name}"
audience = "{gateway}"
max_lifetime = "1h"
# Only where tokens are minted; a gateway needs the public half alone.
signing_key = "{state}/keys/tokens.key"
keys = {{ tokens = "{state}/keys/tokens.pub" }}

[policy]
# production, development, or the directory of a pack of your own.
pack = "{pack}"

[ledger]
path = "{state}/ledger"
# "strict": no record, no execution. "relaxed-reads": unlabelled reads run ahead of the disk.
durability = "strict"
# Below this much free disk no new commands run.
watermark_mb = 256

[limits]
statement_bytes = 262144
nesting = 48
# Sizes in the catalogue: from here on a lock that lasts is heavy, and a read of everything huge.
big_table_mb = 128
huge_table_rows = 1000000
"""
