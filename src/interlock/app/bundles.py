"""Finding and reading policy packs: a directory, or the name of a pack that ships with Interlock."""

import sysconfig
from pathlib import Path
from typing import Final

from interlock.app.config import Config
from interlock.app.config.values import SHIPPED_PACKS, Pack
from interlock.model import OurFault
from interlock.policy.activation import activate
from interlock.policy.judge import Judge
from interlock.policy.lint import Known, known_entities

_SUFFIXES: Final = (".cedar", "cases.yaml")


def find_pack(pack: Pack) -> Path:
    """The directory of a pack. Raises OurFault when there is none."""
    # A checkout has the shipped packs beside `src`; a wheel puts them under the environment's `share`.
    shipped = (Path(__file__).resolve().parents[3], Path(sysconfig.get_path("data")) / "share" / "interlock")
    places = [pack.directory] if pack.directory else [place / "policies" / pack.name for place in shipped]
    for place in places:
        if place.is_dir():
            return place
    raise OurFault(f"no policy pack `{pack.name}`: name a directory of *.cedar files, or {' or '.join(SHIPPED_PACKS)}")


def named_pack(name: str) -> Pack:
    """A pack as it is named on a command line: one that ships, or a directory from here."""
    return Pack(name, None if name in SHIPPED_PACKS else Path(name))


def read_pack(pack: Pack) -> dict[str, str]:
    """The texts of a pack by file name, as `Bundle.load` takes them. Raises OurFault when it cannot be read."""
    place = find_pack(pack)
    files: dict[str, str] = {}
    for path in sorted(place.iterdir()):
        if path.is_file() and path.name.endswith(_SUFFIXES):
            files[path.name] = _text(path)
    if not any(name.endswith(".cedar") for name in files):
        raise OurFault(f"no *.cedar files in `{place}`: an empty pack would deny everything; give another directory")
    return files


def known_here(config: Config) -> Known:
    """The entities that policies may name under this configuration."""
    return known_entities(
        environments=(target.environment for target in config.targets.values()),
        labels=(*config.labels, *(label for target in config.targets.values() for label in target.labels)),
        targets=config.targets,
    )


def load_judge(config: Config) -> Judge:
    """The judge of a configuration's pack, which has passed its own cases.

    Raises OurFault (BundleRefused with every problem) when it may not decide: keep the judge there is.
    """
    return activate(read_pack(config.policy.pack), known_here(config))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OurFault(f"cannot read `{path}`: {error}; make it readable UTF-8 text") from error
