"""Finding and reading policy packs: a directory, or the name of a pack that ships with Interlock."""

import sysconfig
from pathlib import Path
from typing import Final

from interlock.model import OurFault

BUILT_IN: Final = ("production", "development")
_SUFFIXES: Final = (".cedar", "cases.yaml")


def find_pack(pack: str | Path) -> Path:
    """The directory of a pack. A built-in name wins over a directory of that name only if there is none here.

    Raises OurFault when there is no such directory.
    """
    here = Path(pack)
    places = [here]
    if str(pack) in BUILT_IN:
        # A checkout has the packs beside `src`; a wheel puts them under the environment's `share`.
        places.append(Path(__file__).resolve().parents[3] / "policies" / here)
        places.append(Path(sysconfig.get_path("data")) / "share" / "interlock" / "policies" / here)
    for place in places:
        if place.is_dir():
            return place
    raise OurFault(f"no policy pack `{pack}`: give a directory of *.cedar files, or one of {', '.join(BUILT_IN)}")


def read_pack(pack: str | Path) -> dict[str, str]:
    """The texts of a pack by file name, as `Bundle.load` takes them. Raises OurFault when it cannot be read."""
    place = find_pack(pack)
    files: dict[str, str] = {}
    for path in sorted(place.iterdir()):
        if path.is_file() and path.name.endswith(_SUFFIXES):
            files[path.name] = _text(path)
    if not any(name.endswith(".cedar") for name in files):
        raise OurFault(f"no *.cedar files in `{place}`: an empty pack would deny everything; give another directory")
    return files


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OurFault(f"cannot read `{path}`: {error}; make it readable UTF-8 text") from error
