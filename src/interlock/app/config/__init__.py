"""The configuration: one interlock.toml, read whole, refused whole, with every problem at its line."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from interlock.app.config.checks import find_problems
from interlock.app.config.lines import key_lines, nearest_line
from interlock.app.config.reading import Problem, Reader
from interlock.app.config.schema import (
    Access,
    ApprovalsConfig,
    Config,
    Durability,
    GatewayConfig,
    HookFormat,
    LedgerConfig,
    LimitsConfig,
    MinterConfig,
    Mode,
    PolicyConfig,
    PrincipalConfig,
    RunbooksConfig,
    ServingTls,
    TargetConfig,
    TargetTls,
    TokensConfig,
    WebhookConfig,
)
from interlock.app.config.values import Address, Pack, Seconds
from interlock.model import OurFault

__all__ = [
    "Access",
    "Address",
    "ApprovalsConfig",
    "Config",
    "ConfigFault",
    "Durability",
    "GatewayConfig",
    "HookFormat",
    "LedgerConfig",
    "LimitsConfig",
    "MinterConfig",
    "Mode",
    "Pack",
    "PolicyConfig",
    "PrincipalConfig",
    "RunbooksConfig",
    "Seconds",
    "ServingTls",
    "TargetConfig",
    "TargetTls",
    "TokensConfig",
    "WebhookConfig",
    "load_config",
    "parse_config",
]

_TOML_PLACE = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


class ConfigFault(OurFault):
    """A configuration that is refused. `problems` are all (line, message) pairs, in the order of the file."""

    def __init__(self, file: str, problems: Iterable[tuple[int, str]]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(f"{file}:{line}: {message}" for line, message in self.problems))


def load_config(file: Path) -> Config:
    """The configuration in `file`, or ConfigFault with everything that is wrong."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigFault(
            file.name, [(1, f"`{file}` cannot be read ({error.strerror}): make one with `interlock init`")]
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigFault(file.name, [(1, "the file is not UTF-8: save it as UTF-8")]) from error
    return parse_config(text, base=file.absolute().parent, name=file.name)


def parse_config(text: str, *, base: Path, name: str = "interlock.toml") -> Config:
    """The configuration in `text`; relative paths start at `base`.

    What the sections say to each other is checked once each of them reads: two rounds at most.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigFault(name, [_syntax_problem(str(error), text)]) from error
    reader = Reader(base)
    config = reader.section(Config, document)
    problems = reader.problems if config is None else list(find_problems(config))
    if config is None or problems:
        raise ConfigFault(name, _placed(problems, text))
    return config


def _placed(problems: Iterable[Problem], text: str) -> Iterable[tuple[int, str]]:
    lines = key_lines(text)
    return [(nearest_line(lines, problem.path), problem.message) for problem in problems]


def _syntax_problem(error: str, text: str) -> tuple[int, str]:
    place = _TOML_PLACE.search(error)
    line = int(place["line"]) if place and place["line"] else len(text.splitlines())
    reason = _TOML_PLACE.sub("", error)
    return max(line, 1), f"this is not TOML: {reason[:1].lower()}{reason[1:]}; mend this line"
