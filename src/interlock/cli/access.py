"""`interlock access`: who could do what, who did, and the policy that would have been enough."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from interlock.app.catalogs import load_catalog, read_catalog
from interlock.app.clock import now, parse_duration
from interlock.app.config import Config, load_config
from interlock.app.review import Line, Narrower, Review, review
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile, writing
from interlock.cli.render import emit_json, part, quoted, say
from interlock.intent.sql.catalog.snapshot import Catalog
from interlock.model import CallerFault, Fault, Verdict

app = typer.Typer(help="Review who could do what, and who did.", no_args_is_help=True)
_SECOND: Final = 1_000_000


@app.callback()
def access() -> None:
    """From the ledger, the catalogue and the policy in force: what is allowed, what is used, what could go."""


@app.command("review")
def review_access(
    since: Annotated[str, typer.Option(metavar="DURATION", help="How far back: 12h, 30d.")] = "30d",
    catalog: Annotated[
        list[str] | None, typer.Option(help="TARGET=FILE of `interlock catalog dump`, instead of asking the target.")
    ] = None,
    write: Annotated[Path | None, typer.Option(help="A new directory for the narrower pack.")] = None,
    as_json: AsJson = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say who could do what, who used what, and what nobody used; and the narrower policy that would still have
    allowed everything used, tried on every recorded decision of the period.

    Ends with 78 where the narrower policy would have refused one of them: it is then not to be used.
    """
    settings = load_config(config)
    catalogs, missing = _catalogs(settings, catalog or [])
    until = now()
    found = review(settings, catalogs, since=until - _seconds(since) * _SECOND, until=until)
    if write is not None:
        _write(found.narrower, write)
    if as_json:
        emit_json(_data(found, missing))
    else:
        _show(found, missing)
    if found.narrower.refused:
        raise typer.Exit(Exit.MISCONFIGURED)


def _catalogs(config: Config, named: list[str]) -> tuple[dict[str, Catalog], dict[str, str]]:
    """The catalogue of each target, and why those are missing that nobody could read."""
    files = dict(_file(one) for one in named)
    found, missing = dict[str, Catalog](), dict[str, str]()
    for target in config.targets:
        try:
            file = files.get(target)
            read = load_catalog(file, config, target) if file else asyncio.run(read_catalog(config, target))
        except Fault as fault:
            missing[target] = str(fault)
        else:
            found[target] = read
    return found, missing


def _file(written: str) -> tuple[str, Path]:
    target, equals, file = written.partition("=")
    if not equals or not file:
        raise CallerFault(f"`{written}` names no catalogue: write TARGET=FILE")
    return target, Path(file)


def _seconds(written: str) -> int:
    try:
        return parse_duration(written)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _write(narrower: Narrower, place: Path) -> None:
    with writing(place):
        place.mkdir()
        for name, text in narrower.files.items():
            (place / name).write_text(text, encoding="utf-8")


def _data(found: Review, missing: dict[str, str]) -> dict[str, object]:
    narrower = found.narrower
    return {
        "since": found.since // _SECOND,
        "until": found.until // _SECOND,
        "access": [_line(line) for line in found.lines],
        "unused": [_line(line) for line in found.lines if line.unused],
        "without_catalog": missing,
        "narrower": {
            "files": dict(narrower.files),
            "replayed": narrower.replayed,
            "distinct": narrower.distinct,
            "unlike": list(narrower.unlike),
            "refused": list(narrower.refused),
            "kept": list(narrower.kept),
            "dropped": list(narrower.dropped),
        },
    }


def _line(line: Line) -> dict[str, object]:
    return {
        "who": line.who,
        "target": line.target,
        "verb": line.verb,
        "object": line.object,
        "verdict": line.verdict,
        "used": line.used,
        "last": None if line.last is None else line.last // _SECOND,
    }


def _show(found: Review, missing: dict[str, str]) -> None:
    for target, why in missing.items():
        say(f"[bold]{quoted(target)}[/]: only what was used is known: {quoted(why)}")
    for who in sorted({line.who for line in found.lines}):
        mine = [line for line in found.lines if line.who == who]
        say(f"[bold]{quoted(who)}[/]")
        part("used", [quoted(_used(line)) for line in mine if line.used] or ["nothing"])
        part("never used", [quoted(text) for text in _gathered(mine)] or ["nothing that is allowed"])
    _show_narrower(found.narrower)


def _used(line: Line) -> str:
    now_ = "" if line.verdict is Verdict.ALLOW else f", today {line.verdict or 'not allowed'}"
    last = "" if line.last is None else f", last {datetime.fromtimestamp(line.last // _SECOND, UTC):%Y-%m-%d %H:%M}Z"
    return f"{line.verb} {line.target}.{line.object}: {line.used} times{last}{now_}"


def _gathered(lines: list[Line]) -> Iterator[str]:
    """What is allowed and was not used, a line for each verb and target."""
    unused: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        if line.unused:
            unused.setdefault((line.target, line.verb), []).append(line.object)
    for (target, verb), objects in sorted(unused.items()):
        more = f" and {len(objects) - 4} more" if len(objects) > 4 else ""
        yield f"{verb} {target}: {', '.join(objects[:4])}{more}"


def _show_narrower(narrower: Narrower) -> None:
    say("\n[bold]a narrower policy[/]")
    part("keeps", [quoted(name) for name in narrower.kept] or ["no permit"])
    part("drops", [quoted(name) for name in narrower.dropped] or ["no permit"])
    tried = f"{narrower.replayed} decisions, {narrower.distinct} of them different"
    part("tried on", [tried])
    if narrower.unlike:
        part("not counted", [f"{len(narrower.unlike)} that today's policy does not allow as they are recorded"])
    if narrower.refused:
        part("REFUSES", [quoted(name) for name in narrower.refused[:8]])
    else:
        say("it allows each of them; `--write DIRECTORY` keeps it as a pack, `--json` shows it")
