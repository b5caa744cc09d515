"""`interlock ledger`: what was decided, whether the log is intact, and how others can check it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from getpass import getuser
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from msgspec import Struct
from msgspec.structs import replace

from interlock.app.clock import now, parse_duration
from interlock.app.config import load_config
from interlock.app.ids import new_id
from interlock.app.journal import record_as_operator
from interlock.app.ledger import ledger_file, ledger_settings
from interlock.cli.ledger_data import decision_data, record_data
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, named, writing
from interlock.cli.render import emit, emit_json, quoted, say, words
from interlock.ledger.faults import LedgerDamaged
from interlock.ledger.groups import MAX_OBJECTS
from interlock.ledger.leaf import Entry, Kind
from interlock.ledger.note import Checkpoint, Signer, Verifier
from interlock.ledger.reading import Leaf, read_leaf
from interlock.ledger.records import erasure_entry, export_entry, ledger_access_entry
from interlock.ledger.seal import SALT_SIZE, Sealer
from interlock.ledger.verify import Report, verify
from interlock.model import CallerFault, Verdict
from interlock.store.connection import open_for_reading
from interlock.store.export import export_log, signed
from interlock.store.find import Wanted, newest_decisions, outcome_of, prove, record_of, settlement_of
from interlock.store.keys import load
from interlock.store.reader import Head, Reader
from interlock.store.sqlite import LedgerSettings

app = typer.Typer(help="Show, verify, prove and export what was recorded.", no_args_is_help=True)

LedgerPath = Annotated[Path | None, typer.Option("--ledger", help="The ledger's folder or file, without a config.")]
_DAMAGED = 1  # the exit code of a verification that found something


@app.callback()
def ledger() -> None:
    """The log of decisions and outcomes: append-only, signed, and checkable by others."""


class Opened(Struct, frozen=True, kw_only=True):
    """One moment of a ledger."""

    settings: LedgerSettings
    reader: Reader
    head: Head

    def verifier(self) -> Verifier:
        """The key its checkpoints are checked with, from the signing key's file."""
        return Signer(self.head.gateway, load(self.settings.signing_key_path)).verifier

    def sealer(self) -> Sealer | None:
        """What opens texts; None where the data key is not."""
        path = self.settings.data_key_path
        return Sealer(load(path)) if path.exists() else None

    def record(self, entry: Entry) -> None:
        """Leave a trace, before the act."""
        record_as_operator(self.settings, [entry], new_id=new_id, now=now)


@contextmanager
def _opened(config: Path, path: Path | None) -> Iterator[Opened]:
    if path is None:
        settings = ledger_settings(load_config(config))
    else:
        settings = LedgerSettings(path=ledger_file(path), gateway="")
    with closing(open_for_reading(settings.path)) as connection:
        reader = Reader(connection)
        try:
            head = reader.head()
            yield Opened(settings=replace(settings, gateway=head.gateway), reader=reader, head=head)
        except sqlite3.DatabaseError as error:
            raise LedgerDamaged(f"`{settings.path}` is damaged: {error}; restore it from a backup") from error


def _since(text: str) -> int:
    try:
        return now() - parse_duration(text) * 1_000_000
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


@app.command()
def show(
    record: Annotated[str | None, typer.Argument(help="One decision in full, by its id or number.")] = None,
    verdict: Annotated[Verdict | None, typer.Option(help="Only this verdict.")] = None,
    principal: Annotated[str | None, typer.Option(help="Only where this name is in the chain.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session.")] = None,
    since: Annotated[str | None, typer.Option(metavar="DURATION", help="Only the last 15m, 12h, 2d.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    text: Annotated[bool, typer.Option(help="Show the statement itself; leaves a record of that.")] = True,
    as_json: AsJson = False,
    path: LedgerPath = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List decisions, newest first, or show one in full."""
    wanted = Wanted(
        verdict=verdict, principal=principal, session=session, since=None if since is None else _since(since)
    )
    with _opened(config, path) as opened:
        if record is not None:
            _show_one(opened, record, with_text=text, as_json=as_json)
        elif as_json:
            found = islice(newest_decisions(opened.reader, opened.head.size, wanted), limit)
            emit_json([_as_json(opened, seq, leaf, outcome) for seq, leaf, outcome in found])
        else:
            _show_list(opened, wanted, limit)


def _show_list(opened: Opened, wanted: Wanted, limit: int) -> None:
    from interlock.cli.ledger_view import show_decisions

    found = newest_decisions(opened.reader, opened.head.size, wanted)
    if not show_decisions(words(), islice(found, limit)):
        say("no decision fits; `interlock ledger show` without filters lists the newest")


def _show_one(opened: Opened, name: str, *, with_text: bool, as_json: bool) -> None:
    seq = record_of(opened.reader, opened.head.size, name)
    leaf = read_leaf(opened.reader.leaf(seq))
    if leaf.kind is not Kind.DECISION:
        emit_json(record_data(seq, leaf, opened.reader.leaf(seq)))
        return
    outcome = outcome_of(opened.reader, opened.head.size, leaf)
    settled = settlement_of(opened.reader, opened.head.size, leaf)
    statement, why_not = _statement(opened, seq, leaf) if with_text else (None, "not asked for")
    if as_json:
        counted = None if settled is None else msgspec.Raw(opened.reader.leaf(settled.gw.seq))
        emit_json(_as_json(opened, seq, leaf, outcome) | {"settlement": counted, "text": statement})
        return
    from interlock.cli.ledger_view import show_record

    shown = statement if statement is not None else f"(text {why_not})"
    show_record(words(), seq, leaf, outcome, shown, settled=settled)


def _statement(opened: Opened, seq: int, leaf: Leaf) -> tuple[str | None, str]:
    """(the statement, "") or (None, why it cannot be shown). Reading one is itself recorded, before it is read."""
    sealer, sealed = opened.sealer(), opened.reader.text(seq)
    if sealed is None:
        return None, "erased"
    if sealer is None:
        return None, f"sealed: `{opened.settings.data_key_path}` opens it"
    opened.record(ledger_access_entry(id=new_id(), at=now(), by=getuser(), records=[leaf.id]))
    salted = sealer.open(sealed, leaf.id.encode())
    return salted[SALT_SIZE:].decode("utf-8", "replace").replace("\0", "\n-- arguments: "), ""


def _as_json(opened: Opened, seq: int, leaf: Leaf, outcome: Leaf | None) -> dict[str, object]:
    ended = None if outcome is None else opened.reader.leaf(outcome.gw.seq)
    return decision_data(seq, leaf, opened.reader.leaf(seq), outcome, ended)


@app.command("verify")
def verify_all(
    vkey: Annotated[Path | None, typer.Option(help="A verifier key you were given; else that of this ledger.")] = None,
    as_json: AsJson = False,
    path: LedgerPath = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Replay the whole log: leaves, tree, signature, sequence, texts. Exits with 1 when anything contradicts.

    A copy of a ledger is verified without its keys: with --ledger and --vkey.
    """
    with _opened(config, path) as opened:
        sealer = opened.sealer()
        head, verifier = opened.head, _verifier(vkey) if vkey else opened.verifier()
        report = verify(opened.reader, note=head.checkpoint, size=head.size, verifier=verifier, sealer=sealer)
    if as_json:
        emit_json(_report_json(report))
    else:
        from interlock.cli.ledger_view import show_report

        show_report(words(), report, opened=sealer is not None)
    if not report.intact:
        raise typer.Exit(_DAMAGED)


def _verifier(file: Path) -> Verifier:
    try:
        return Verifier.parse(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CallerFault(f"`{file}` cannot be read ({error.strerror}); `interlock ledger vkey` prints one") from error


def _report_json(report: Report) -> dict[str, object]:
    return {
        "intact": report.intact,
        "size": report.size,
        "root": report.root.hex(),
        "kinds": dict(report.kinds),
        "epochs": report.epochs,
        "texts": report.texts,
        "erased": report.erased,
        "unfinished": report.unfinished,
        "problems": report.problems,
        "problem_count": report.problem_count,
    }


@app.command("prove")
def prove_one(
    record: Annotated[str, typer.Argument(help="The record's id or number.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the proof goes.")],
    as_json: AsJson = False,
    path: LedgerPath = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write a proof that one record is in the log. Prints the verifier key it is checked with."""
    with _opened(config, path) as opened:
        verifier = opened.verifier()
        proof = prove(opened.reader, record_of(opened.reader, opened.head.size, record))
        proof.verify(verifier)
        with writing(output):
            output.write_text(proof.text(), "utf-8")
        size = Checkpoint.parse(verifier.open(proof.checkpoint)).size
    if as_json:
        leaf = read_leaf(proof.leaf)
        emit_json({"seq": proof.index, "id": leaf.id, "size": size, "proof": str(output), "vkey": str(verifier)})
        return
    say(f"record #{proof.index} is proven by {quoted(output)}, under the verifier key")
    emit(str(verifier))


@app.command()
def vkey(as_json: AsJson = False, path: LedgerPath = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Print the verifier key: what others check proofs and exports with. Give it to them before they need it."""
    with _opened(config, path) as opened:
        key = str(opened.verifier())
    if as_json:
        emit_json({"gateway": opened.head.gateway, "vkey": key})
    else:
        emit(key)


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(help="A new directory.")],
    as_json: AsJson = False,
    path: LedgerPath = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the log as tlog-tiles files. Its verifier key and a verifier come along; sealed texts stay here."""
    with _opened(config, path) as opened:
        checkpoint = signed(opened.reader, opened.verifier())
        size, root = checkpoint.size, checkpoint.root.hex()
        opened.record(export_entry(id=new_id(), at=now(), by=getuser(), size=size, root=root, texts=False))
        with writing(directory):
            export_log(opened.reader, opened.verifier(), directory)
    if as_json:
        emit_json({"directory": str(directory), "size": size, "root": root})
        return
    say(f"{checkpoint.size:,} records are in {quoted(directory)}: tile/, checkpoint, vkey, verify_proof.py")


@app.command()
def erase(
    record: Annotated[list[str], typer.Argument(help="Ids or numbers of decisions, at most 64.")],
    reason: Annotated[str, typer.Option(help="Why; it is recorded.", callback=named)],
    as_json: AsJson = False,
    path: LedgerPath = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Delete the texts of decisions for ever. The records stay, and every proof stays valid."""
    if len(record) > MAX_OBJECTS:
        raise typer.BadParameter(f"one erasure names at most {MAX_OBJECTS} decisions: erase the others after it")
    with _opened(config, path) as opened:
        leaves = [opened.reader.leaf(record_of(opened.reader, opened.head.size, name)) for name in record]
    ids = [read_leaf(leaf).id for leaf in leaves]
    opened.record(erasure_entry(id=new_id(), at=now(), by=getuser(), reason=reason, records=ids))
    if as_json:
        emit_json({"erased": ids})
        return
    say(f"erased the text of {len(ids)} decision{'s' * (len(ids) != 1)}; run `interlock ledger verify`")
