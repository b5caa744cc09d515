"""How records look on a terminal of 80 columns."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from interlock.ledger.reading import Ended, Leaf, What, Who
from interlock.ledger.verify import Report

_VERDICTS = {"allow": "green", "hold": "yellow", "deny": "bold red"}
_MAX_EFFECTS = 3


def plain(text: object, style: str = "") -> Text:
    """Text of others: no markup, and nothing that moves the cursor."""
    shown = "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in str(text))
    return Text(shown, style)


def show_decisions(console: Console, found: Iterable[tuple[int, Leaf, Leaf | None]]) -> int:
    """Decisions, newest first, under the day they fell on; returns how many."""
    count = 0
    day = ""
    for count, (seq, leaf, outcome) in enumerate(found, start=1):  # noqa: B007 (counted)
        when = moment(leaf.ts)
        if (today := when[:10]) != day:
            day = today
            console.print(plain(f"{day} UTC", "bold"))
        console.print(_row(seq, when, leaf, outcome))
    return count


def _row(seq: int, when: str, leaf: Leaf, outcome: Leaf | None) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_column(width=7, justify="right", style="dim")
    row.add_column(width=8)
    row.add_column(width=7)  # in brackets where the target was only watched
    row.add_column(width=19, overflow="ellipsis", no_wrap=True)
    row.add_column(ratio=1, overflow="fold")
    row.add_row(f"#{seq}", when[11:19], verdict(leaf), plain(actors(leaf.who)), plain(effects(leaf.what)))
    row.add_row("", "", "", "", plain(because(leaf, outcome), "dim"))
    return row


def moment(ts: int) -> str:
    """`2026-01-31 12:00:00.123456`, UTC."""
    return datetime.fromtimestamp(ts / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def verdict(leaf: Leaf) -> Text:
    """The verdict in its colour; in brackets where the target was only watched."""
    if leaf.decision is None:
        return plain(leaf.kind)
    word = leaf.decision.verdict
    return plain(word if leaf.decision.enforced else f"({word})", _VERDICTS.get(word, ""))


def actors(who: Who | None) -> str:
    """`agent-7 for ana`: who acts, and who answers for it."""
    if who is None:
        return "-"
    root = who.chain[0].id if who.chain else who.subject
    return who.subject if root == who.subject else f"{who.subject} for {root}"


def effects(what: What | None) -> str:
    """`read public.orders, delete public.items (all)`, or why there is nothing to say."""
    if what is None or what.intent is None:
        return "-"
    intent = what.intent
    if not intent.understood:
        return "not understood: " + ", ".join(finding.code for finding in intent.findings)
    said = [
        f"{effect.verb} {'.'.join(effect.object[1:]) or effect.object[0]}{' (all)' * (effect.reach == 'all')}"
        for effect in intent.effects[:_MAX_EFFECTS]
    ]
    if (more := intent.effect_count - len(said)) > 0:
        said.append(f"and {more} more")
    return ", ".join(said) or "nothing"


def because(leaf: Leaf, outcome: Leaf | None) -> str:
    """`policy-id, other-id · landed, 3 rows, 0.4 ms`."""
    policies = ", ".join(reason.policy for reason in leaf.decision.reasons) if leaf.decision else ""
    end = ended(outcome.outcome) if outcome is not None and outcome.outcome is not None else "no outcome yet"
    return f"{policies or 'no policy named'} · {end}"


def ended(outcome: Ended) -> str:
    """`failed 23505, 0.4 ms`."""
    said = [outcome.status if outcome.error is None else f"{outcome.status} {outcome.error}"]
    if outcome.rows is not None:
        said.append(f"{outcome.rows:,} row{'s' * (outcome.rows != 1)}")
    if outcome.us is not None:
        said.append(f"{outcome.us / 1000:,.1f} ms")
    return ", ".join(said)


def show_record(
    console: Console, seq: int, leaf: Leaf, outcome: Leaf | None, text: str, *, settled: Leaf | None = None
) -> None:
    """Everything about one decision; `text` is the statement, or why it is not shown, `settled` the judgement of its
    unit on what it touched."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", width=10)
    table.add_column(ratio=1, overflow="fold")
    for name, value in [*_facts(leaf), *_counted(settled), _end(outcome)]:
        table.add_row(name, value)
    console.print(Text.assemble(verdict(leaf), f"  record #{seq}  ", (leaf.id, "dim")))
    console.print(Padding(table, (1, 0)))
    console.print(plain(text))


def _facts(leaf: Leaf) -> Iterable[tuple[str, Text]]:
    yield "when", plain(moment(leaf.ts) + " UTC")
    if leaf.who is not None:
        chain = " → ".join(f"{actor.id} ({actor.kind})" for actor in leaf.who.chain)
        yield "who", plain(chain or leaf.who.subject)
        yield "session", plain(leaf.who.session)
    if leaf.what is not None:
        yield "target", plain(f"{leaf.what.target.name} ({leaf.what.target.env}), over {leaf.what.surface}")
    if leaf.why is not None and leaf.why.purpose:
        yield "purpose", plain(leaf.why.purpose)
    if leaf.what is not None and leaf.what.intent is not None:
        yield from _meaning(leaf.what)
    if leaf.decision is not None:
        for reason in leaf.decision.reasons:
            yield "policy", Text.assemble(plain(reason.policy, "bold"), plain(f"  {reason.message}"))
        for obligation in leaf.decision.obligations:
            yield "promise", plain(", ".join(f"{key} {value}" for key, value in sorted(obligation.items())))
        yield "bundle", plain(leaf.decision.policy, "dim")


def _counted(settled: Leaf | None) -> Iterable[tuple[str, Text]]:
    """What the unit had touched when it was judged again, and what that judgement was."""
    if settled is None or settled.settlement is None or settled.impact is None:
        return
    for part in settled.impact.touched:
        rows = "an unknown number of rows" if part.rows is None else f"{part.rows:,} row{'s' * (part.rows != 1)}"
        yield "counted", plain(f"{part.verb} {rows} of {'.'.join(part.object[1:])}")
    if (more := settled.impact.touched_count - len(settled.impact.touched)) > 0:
        yield "counted", plain(f"and {more} more")
    word = settled.settlement.verdict
    yield "then", plain(word, _VERDICTS.get(word, ""))
    if word != "allow":
        for reason in settled.settlement.reasons:
            yield "policy", Text.assemble(plain(reason.policy, "bold"), plain(f"  {reason.message}"))


def _end(outcome: Leaf | None) -> tuple[str, Text]:
    end = outcome.outcome if outcome is not None else None
    return "outcome", plain("none yet" if end is None else ended(end))


def _meaning(what: What) -> Iterable[tuple[str, Text]]:
    intent = what.intent
    if intent is None:
        return
    for effect in intent.effects:
        labels = sorted({*effect.labels, *effect.field_labels})
        marked = f"  [{', '.join(labels)}]" if labels else ""
        yield "effect", plain(f"{effect.verb} {effect.kind} {'.'.join(effect.object)}, reach {effect.reach}{marked}")
    if not intent.understood:
        yield "effect", plain("not understood", "bold red")
    for finding in intent.findings:
        yield "finding", plain(f"{finding.code}: {finding.message}")
    yield "shape", plain(intent.shape)


def show_report(console: Console, report: Report, opened: bool) -> None:
    """What a replay found, in a few lines; contradictions last, where the eye ends."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in report.kinds.most_common())
    word = Text("intact", "bold green") if report.intact else Text("DAMAGED", "bold red")
    console.print(Text.assemble(word, f"  {report.size:,} records, root {report.root.hex()[:16]}…"))
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", width=10)
    table.add_column(ratio=1, overflow="fold")
    table.add_row("records", plain(kinds or "none"))
    table.add_row("epochs", plain(report.epochs))
    texts = f"{report.texts:,} opened and compared" if opened else "not opened: the data key is not here"
    table.add_row("texts", plain(f"{texts}; {report.erased:,} erased, with a record of it"))
    table.add_row("open", plain(f"{len(report.unfinished):,} decisions without their end"))
    for one in report.unfinished[:10]:
        table.add_row("", plain(f"#{one.seq} {one.command} on {one.target}", "yellow"))
    for problem in report.problems:
        table.add_row("problem", plain(f"{problem.place}: {problem.message}", "red"))
    if (more := report.problem_count - len(report.problems)) > 0:
        table.add_row("", plain(f"and {more:,} more", "red"))
    console.print(table)
