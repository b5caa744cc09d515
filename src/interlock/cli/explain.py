"""`interlock explain`: what a statement would do, whether it may, and why. Nothing runs."""

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, TextIO, assert_never

import msgspec
import typer

from interlock.app.config import Config, load_config
from interlock.app.explaining import Explainer, Explanation, as_json, resolve as ask, session_for, verdict, word
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import emit, emit_json, part, quoted, say
from interlock.gateways.postgres.answering.denial import telling, ways_out
from interlock.model import CallerFault, Confine, Fuse, Limit, Mask, Measure, ObjectKind, Obligation, Principal, Verdict

app = typer.Typer()

# Tables are what is mostly meant, and links say in their name what they are.
_SAID: Final = frozenset({ObjectKind.TABLE, ObjectKind.LINK})
_STYLES: Final = {Verdict.ALLOW: "bold green", Verdict.HOLD: "bold yellow", Verdict.DENY: "bold red"}
_MARKED: Final = 60  # columns of a marked line: what fits beside its title
_EXITS: Final = {Verdict.ALLOW: Exit.DONE, Verdict.HOLD: Exit.PENDING, Verdict.DENY: Exit.DENIED}


class _Line(msgspec.Struct, frozen=True):
    """One line of a batch."""

    id: str | int
    sql: str


@app.command()
def explain(
    sql: Annotated[str | None, typer.Argument(help="The text; - reads it from standard input.")] = None,
    principal: Annotated[str | None, typer.Option("--as", help="Who would send it: a name of [principals].")] = None,
    target: Annotated[str | None, typer.Option("--target", "-t", help="Where it would run.")] = None,
    purpose: Annotated[str | None, typer.Option(help="What for, as a token would say.")] = None,
    catalog: Annotated[
        Path | None, typer.Option(help="A file of `interlock catalog dump`; else the target is asked.")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help='Judge every line {"id": ..., "sql": ...} of a file; - is standard input.')
    ] = None,
    resolve: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Also ask a server with the same schema what each statement depends on: nothing runs there, "
            "but a function is made in pg_temp and rolled back.",
        ),
    ] = None,
    search_path: Annotated[str, typer.Option(help="The session's search_path.")] = '"$user", public, pg_temp',
    wanted_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say what a statement would do, whether it may, and why. Nothing runs.

    Ends with 0 when it would be allowed; with 75 when an approval could lift it, or when it would run, be counted, and
    land only if its effect may; with 77 when it would be denied. A batch ends with 0 when every line was judged.
    """
    if (sql is None) == (batch is None):
        raise CallerFault("give either a statement or --batch FILE")
    if batch is not None and resolve is not None:
        raise CallerFault("--resolve asks about one text; leave out --batch")
    explainer = _explainer(load_config(config), principal, target, purpose, catalog, search_path)
    if batch is not None:
        _judge_batch(explainer, batch)
        return
    explained = explainer.explain(sys.stdin.read() if sql == "-" else sql or "")
    resolved = asyncio.run(ask(explained, resolve, search_path)) if resolve is not None else []
    if wanted_json:
        emit_json({**as_json(explained), **({"resolved": resolved} if resolve is not None else {})})
    else:
        _show(explained, resolved)
    raise typer.Exit(_EXITS[verdict(explained)])


def _explainer(
    config: Config, principal: str | None, target: str | None, purpose: str | None, file: Path | None, path: str
) -> Explainer:
    from interlock.app.bundles import load_judge
    from interlock.app.catalogs import load_catalog, read_catalog
    from interlock.app.serve.wiring import limits
    from interlock.gateways.postgres.arriving.pins import split_path

    name = target or _only(config.targets, "target", "--target")
    session = session_for(config, _principal(config, principal), name, purpose)
    catalog = load_catalog(file, config, name) if file is not None else asyncio.run(read_catalog(config, name))
    return Explainer(
        judge=load_judge(config),
        session=session,
        catalog=catalog,
        user=config.targets[name].user,
        limits=limits(config),
        path=split_path(path),
    )


def _principal(config: Config, name: str | None) -> Principal:
    from interlock.app.credentials import build_directory

    directory = build_directory(config, environ=os.environ, entropy=os.urandom)
    name = name or _only([account.principal.id for account in directory], "principal", "--as")
    account = directory.find(name)
    if account is None:
        known = ", ".join(sorted(each.principal.id for each in directory))
        raise CallerFault(f"there is no principal `{name}`; there are: {known}")
    return account.principal


def _only(names: Iterable[str], what: str, option: str) -> str:
    listed = sorted(names)
    if len(listed) != 1:
        raise CallerFault(f"name the {what} with {option}; there are: {', '.join(listed)}")
    return listed[0]


def _judge_batch(explainer: Explainer, file: Path) -> None:
    """One JSON line in, one out, in order."""
    if str(file) == "-":
        _judge_lines(explainer, sys.stdin)
        return
    try:
        with file.open(encoding="utf-8", errors="surrogatepass") as lines:
            _judge_lines(explainer, lines)
    except OSError as error:
        raise CallerFault(f"`{file}` cannot be read ({error.strerror}); name a file of JSON lines") from error


def _judge_lines(explainer: Explainer, lines: TextIO) -> None:
    for line in _read_lines(lines):
        emit(msgspec.json.encode({"id": line.id, **as_json(explainer.explain(line.sql))}).decode())


def _read_lines(lines: TextIO) -> Iterator[_Line]:
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            yield msgspec.json.decode(text.encode("utf-8", "surrogatepass"), type=_Line)
        except msgspec.MsgspecError as error:
            raise CallerFault(f'line {number} of the batch is not {{"id", "sql"}}: {error}; mend it') from error


def _show(explained: list[Explanation], resolved: list[str]) -> None:
    if not explained:
        say("[dim]an empty text does nothing[/]")
    for number, each in enumerate(explained, start=1):
        if len(explained) > 1:
            say(f"\n[bold]{number}.[/] {quoted(each.statement.intent.shape)}")
        _show_one(each)
        _part("server says", resolved[number - 1 : number])


def _show_one(each: Explanation) -> None:
    decision, intent = each.decision, each.statement.intent
    say(f"[{_STYLES[verdict([each])]}]{word([each])}[/]" + ("" if intent.understood else "  not understood"))
    for effect in intent.effects:
        columns = "all columns" if effect.fields is None else ", ".join(field.name for field in effect.fields)
        labels = effect.object.labels.union(*(field.labels for field in effect.fields or ()))
        marked = f" [magenta]{quoted(' '.join(sorted(labels)))}[/]" if labels else ""
        kind = "" if effect.object.kind in _SAID else f"[dim]{effect.object.kind.value}[/] "
        shown = f"{kind}{quoted(effect.object)} [dim]{effect.reach.value}[/]{marked}"
        part(effect.verb.value, [shown, f"[dim]{quoted(columns)}[/]"] if columns else [shown])
    _part("found", (finding.message for finding in intent.all_findings()))
    place = next((finding.span[0] for finding in intent.all_findings() if finding.span is not None), None)
    if place is not None:
        part("at", [quoted(line) for line in _marked(each.statement.text, place)])
    reasons = telling(decision.reasons)
    _part("why", (f"{reason.policy}: {reason.message}" for reason in reasons))
    _part("instead", ways_out(reasons))
    _part("lifted by", (reason.lift for reason in decision.reasons if reason.lift))
    _part("if it runs", (_promise(obligation) for obligation in decision.obligations))


def _marked(text: str, place: int) -> tuple[str, str]:
    """The line that holds a place, or what of it fits, and a mark under the place."""
    begin = text.rfind("\n", 0, place) + 1
    line, column = text[begin:].partition("\n")[0], place - begin
    cut = max(0, column - _MARKED // 2)
    return line[cut : cut + _MARKED], f"{' ' * (column - cut)}^"


def _promise(obligation: Obligation) -> str:
    match obligation:
        case Limit():
            return f"at most {obligation.rows:,} rows are delivered"
        case Confine():
            return "it runs where nothing can be written"
        case Fuse():
            return f"it is not tried where the target expects more than {obligation.rows:,} rows in a step of it"
        case Measure():
            return "its exact effect is counted, and decides whether it lands"
        case Mask():
            return f"{', '.join(sorted(obligation.labels))} columns are shown as {obligation.form}"
        case _:
            assert_never(obligation)


def _part(title: str, lines: Iterable[str]) -> None:
    part(title, [quoted(line) for line in dict.fromkeys(lines)])
