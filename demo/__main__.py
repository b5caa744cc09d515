"""`python -m demo`: set the stage, play, verify, sum up; exit code 1 when anything was not as expected."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

import asyncpg

from demo import stage
from demo.approval import Approval
from demo.evidence import PROOFS
from demo.keep import lines_to_copy
from demo.lending import Lending
from demo.play import Play
from demo.screen import Screen


def main(arguments: Sequence[str]) -> int:
    """Run the demo; returns its exit code."""
    options = _parser().parse_args(arguments)
    # `kill` is then as tidy as Ctrl-C: gateway, server and directory go. A shell starts what it puts into the
    # background with SIGINT ignored, and Python leaves it so.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    screen = Screen()
    try:
        failures = _run(screen, keep=options.keep, record=options.record)
    except stage.StageFault as fault:
        screen.failure(str(fault))
        return 1
    except KeyboardInterrupt:
        return 130
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 dev.py demo", description="an agent, a shop, and a gateway between")
    parser.add_argument("--keep", action="store_true", help="leave shop and gateway up, and say how to reach them")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the picture of the README, an SVG")
    return parser


def _run(screen: Screen, *, keep: bool, record: Path | None) -> list[str]:
    began = perf_counter()
    screen.gap()
    screen.chapter("Interlock", "An agent, a person, a database, and what stands between them.", pictured=True)
    with stage.database() as place:
        _set(place, screen)
        with stage.gateway(place):
            screen.fact("gateway", f"interlock serve, localhost:{place.port}, TLS, policies/production", pictured=True)
            screen.fact("agent", f"{stage.AGENT}, on behalf of dana, with asyncpg {asyncpg.__version__}", pictured=True)
            screen.gap()
            play = asyncio.run(_perform(place, screen))
            _prove(place, screen, play)
            screen.chapter("Summary")
            screen.summary(play.results)
            _conclude(play, screen, perf_counter() - began)
            if record:
                screen.save(record)
            if keep:
                screen.plain(lines_to_copy(place))
                with suppress(KeyboardInterrupt):
                    signal.pause()
    return play.failures


def _set(place: stage.Stage, screen: Screen) -> None:
    began = perf_counter()
    rows = asyncio.run(stage.fill(place))
    stage.configure(place)
    stage.prepare(place)
    took = perf_counter() - began
    screen.fact("database", f"PostgreSQL 18 with a shop of {rows:,} rows, made in {took:.1f} s", pictured=True)


async def _perform(place: stage.Stage, screen: Screen) -> Play:
    direct = await asyncpg.connect(place.server.dsn(stage.TARGET))
    try:
        agent = await asyncpg.connect(place.url)
        play = Play(agent=agent, direct=direct, screen=screen)
        await play.perform()
        await agent.close()
        if not play.failures:
            person = await asyncpg.connect(place.url_of(stage.ENGINEER))
            await Approval(play=play, place=place, person=person).perform()
            await person.close()
            person = await asyncpg.connect(place.url_of(stage.ENGINEER, stage.LENT))
            await Lending(play=play, person=person).perform()
            await person.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise stage.StageFault(f"a connection broke: {error}; {place.last_words()}") from error
    finally:
        await direct.close()
    return play


def _prove(place: stage.Stage, screen: Screen, play: Play) -> None:
    screen.chapter("None of it can be denied later", pictured=True)
    for title, step in PROOFS.items():
        try:
            became = step(place, screen, play.exhibit)
        except stage.StageFault as fault:
            play.failed(title, str(fault))
        else:
            play.results.append((True, title, became, ""))


def _conclude(play: Play, screen: Screen, seconds: float) -> None:
    met, all_of_them = len(play.results) - len(play.failures), len(play.results)
    screen.verdict(f"{met} of {all_of_them} as expected, in {seconds:.1f} s.", good=not play.failures)
    for failure in play.failures:
        screen.failure(failure)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
