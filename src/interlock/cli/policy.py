"""`interlock policy`: test, lint and show policy packs."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from msgspec import Struct

from interlock.app.bundles import known_here, named_pack, read_pack
from interlock.app.config import load_config
from interlock.app.config.values import SHIPPED_PACKS
from interlock.cli.exits import Exit
from interlock.cli.options import DEFAULT_CONFIG, AsJson, ConfigFile
from interlock.cli.render import emit, emit_json, quoted, say, words
from interlock.model import CallerFault
from interlock.policy import Bundle, BundleRefused, Judge
from interlock.policy.casefile import read_cases
from interlock.policy.cases import CaseResult, run_cases
from interlock.policy.lint import NOTHING_KNOWN, Known
from interlock.policy.rule import Rule, cedar_text

if TYPE_CHECKING:
    from rich.table import Table

# A pack that loads and decides otherwise than its cases say; one that does not load is a configuration error (78).
CASES_FAILED: Final = 1

app = typer.Typer(help="Test, lint and show policy packs.", no_args_is_help=True)

Packs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PACK]...",
        help="Directories of *.cedar files, or names of packs that ship. [default: production development]",
    ),
]


class Report(Struct, frozen=True, kw_only=True):
    """What came of one pack. `refused` lists why it does not load; `unused` the rules that decided no case."""

    pack: str
    bundle: Bundle | None = None
    refused: tuple[str, ...] = ()
    results: tuple[CaseResult, ...] = ()

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that came out otherwise than written."""
        return tuple(result for result in self.results if result.problems)

    @property
    def unused(self) -> tuple[str, ...]:
        """Live rules that no case turns on: nothing would notice if they were lost."""
        used = {reason.policy for result in self.results for reason in result.decision.reasons}
        rules = self.bundle.rules if self.bundle else ()
        return tuple(rule.id for rule in rules if not rule.shadow and rule.id not in used)

    @property
    def code(self) -> int:
        """The exit code this pack asks for."""
        if self.refused:
            return Exit.MISCONFIGURED
        return CASES_FAILED if self.failed else Exit.DONE


@app.callback()
def policies() -> None:
    """A pack is a directory of *.cedar files, with the cases that prove it in a cases.yaml beside them."""


@app.command("test")
def try_cases(packs: Packs = None, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Decide the cases of each pack. Exits with 1 when one fails, with 78 when a pack does not load."""
    _finish([_tested(name, _known(config)) for name in packs or SHIPPED_PACKS], as_json)


@app.command("lint")
def check(packs: Packs = None, as_json: AsJson = False, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Load each pack and decide nothing. Exits with 78 when one is refused.

    Where there is an interlock.toml, the environments, labels and targets that policies name must be in it.
    """
    _finish([_loaded(name, _known(config)) for name in packs or SHIPPED_PACKS], as_json)


@app.command()
def show(
    policy: Annotated[str | None, typer.Argument(metavar="[ID]", help="One policy, in full.")] = None,
    pack: Annotated[str, typer.Option(help="The pack: a directory, or one that ships.")] = SHIPPED_PACKS[0],
    as_json: AsJson = False,
) -> None:
    """List the policies of a pack, or print one of them in full."""
    bundle = Bundle.load(read_pack(named_pack(pack)))
    rules = bundle.rules if policy is None else (_named(bundle, policy, pack),)
    if as_json:
        emit_json([_rule_data(rule) for rule in rules])
    elif policy is None:
        words().print(_rule_table(rules))
        say(f"[dim]{quoted(pack)}, {len(rules)} policies, {bundle.digest}[/]")
    else:
        emit(cedar_text(rules[0]))
        say(f"[dim]{quoted(rules[0].file)} of {quoted(pack)}[/]")


def _known(config: Path) -> Known:
    return known_here(load_config(config)) if config.exists() else NOTHING_KNOWN


def _loaded(name: str, known: Known) -> Report:
    try:
        return Report(pack=name, bundle=Bundle.load(read_pack(named_pack(name)), known))
    except BundleRefused as refused:
        return Report(pack=name, refused=tuple(str(problem) for problem in refused.problems))


def _tested(name: str, known: Known) -> Report:
    report = _loaded(name, known)
    if report.bundle is None:
        return report
    judge = Judge(report.bundle)
    results: list[CaseResult] = []
    for file, text in report.bundle.cases.items():
        try:
            results += run_cases(judge, read_cases(text))
        except ValueError as error:
            return Report(pack=name, refused=(f"{file}: {error}",))
    return Report(pack=name, bundle=report.bundle, results=tuple(results))


def _finish(reports: list[Report], as_json: bool) -> None:
    if as_json:
        emit_json([_report_data(report) for report in reports])
    else:
        for report in reports:
            _tell(report)
    raise typer.Exit(max(report.code for report in reports))


def _tell(report: Report) -> None:
    if report.bundle is None:
        _line("[bold red]fail[/]", report.pack, f"refused, {len(report.refused)} problems")
        for problem in report.refused:
            say(f"      {quoted(problem)}")
        return
    found = f"{len(report.bundle.rules)} policies, {report.bundle.digest[:19]}"
    if report.results:
        found = f"{len(report.results) - len(report.failed)} of {len(report.results)} cases; {found}"
    _line("[bold red]fail[/]" if report.failed else "[green]ok[/]  ", report.pack, found)
    for result in report.failed:
        say(f"      [bold]{quoted(result.name)}[/]")
        for problem in result.problems:
            say(f"        {quoted(problem)}")
        for reason in result.decision.reasons:
            say(f"        [dim]{quoted(reason.policy)}: {quoted(reason.message)}[/]")
    if report.results and report.unused:
        _line("[yellow]warn[/]", report.pack, f"no case turns on {', '.join(report.unused)}: write one for each")


def _line(mark: str, pack: str, text: str) -> None:
    say(f"{mark}  [bold]{quoted(pack)}[/]  {quoted(text)}")


def _report_data(report: Report) -> dict[str, object]:
    bundle = report.bundle
    return {
        "pack": report.pack,
        "digest": bundle.digest if bundle else None,
        "semantic_digest": bundle.semantic_digest if bundle else None,
        "refused": report.refused,
        "cases": [
            {
                "name": result.name,
                "verdict": result.decision.verdict,
                "reasons": [reason.policy for reason in result.decision.reasons],
                "problems": result.problems,
            }
            for result in report.results
        ],
        "unused": report.unused if report.results else (),
    }


def _named(bundle: Bundle, name: str, pack: str) -> Rule:
    rule = bundle.rule(name)
    if rule is None:
        raise CallerFault(f"no policy `{name}` in `{pack}`: `interlock policy show --pack {pack}` lists them")
    return rule


def _rule_data(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "file": rule.file,
        "effect": rule.effect,
        "title": rule.title,
        "severity": rule.severity,
        "verbs": sorted(rule.verbs),
        "promise": str(rule.promise) if rule.promise else None,
        "lifts": rule.lifts,
        "instead": rule.instead,
        "shadow": rule.shadow,
        "text": cedar_text(rule),
    }


def _rule_table(rules: Iterable[Rule]) -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("policy", ratio=5, overflow="fold")
    table.add_column("severity", no_wrap=True)
    table.add_column("lifted by", ratio=3, overflow="fold")
    styles = {"critical": "bold red", "high": "red", "medium": "yellow"}
    for rule in sorted(rules, key=lambda rule: (not rule.forbids, rule.file, rule.id)):
        sign = "[red]forbid[/]" if rule.forbids else "[green]permit[/]"
        lifted = ", ".join([*([str(rule.promise)] if rule.promise else []), *rule.lifts])
        shadow = " [dim](shadow)[/]" if rule.shadow else ""
        table.add_row(
            sign,
            f"[bold]{quoted(rule.id)}[/]{shadow}\n{quoted(rule.title)}",
            f"[{styles.get(rule.severity, 'dim')}]{rule.severity}[/]",
            quoted(lifted),
        )
    return table
