"""The last act: the ledger is verified, and one proof is checked by a program that knows nothing of Interlock."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Final

from demo.agent import Refusal
from demo.screen import Screen
from demo.stage import INTERLOCK, ROOT, Stage, StageFault

RECORD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
VERIFIER = ROOT / "tools" / "verify_proof.py"


def verify_ledger(stage: Stage, screen: Screen, _exhibit: Refusal | None) -> str:
    """Show `interlock ledger verify`. Raises StageFault when it finds something."""
    ran = stage.run(INTERLOCK, "ledger", "verify")
    screen.ran("interlock ledger verify", ran.said, pictured=True)
    return "intact"


def check_proof(stage: Stage, screen: Screen, exhibit: Refusal | None) -> str:
    """Write the proof of that one refusal and have it checked. Raises StageFault when it does not hold."""
    found = RECORD_ID.search(exhibit.text) if exhibit else None
    if found is None:
        raise StageFault("the refusal names no decision, so there is nothing to prove")
    ran = stage.run(INTERLOCK, "ledger", "prove", found[0], "--output", "proof")
    (stage.directory / "vkey").write_text(ran.printed, encoding="utf-8")
    screen.ran(f"interlock ledger prove {found[0]} -o proof > vkey", ran.said)
    # -I: without the folder it is in, without this environment's settings; it needs `cryptography` and nothing of ours.
    ran = stage.run(sys.executable, "-I", VERIFIER, "proof", "vkey")
    screen.ran("python3 verify_proof.py proof vkey", ran.printed, pictured=True)
    return "holds"


PROOFS: Final[Mapping[str, Callable[[Stage, Screen, Refusal | None], str]]] = {
    "The ledger, every record of it": verify_ledger,
    "The proof of one refusal, checked by another program": check_proof,
}
