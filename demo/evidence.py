"""The last act: the ledger is verified, and one proof is checked by a program that knows nothing of Interlock."""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from demo.agent import Refusal
from demo.screen import Screen
from demo.stage import ROOT, Stage, StageFault

RECORD_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
VERIFIER = ROOT / "tools" / "verify_proof.py"


def verify_ledger(stage: Stage, screen: Screen, _refusals: Sequence[Refusal]) -> str:
    """Show `interlock ledger verify`. Raises StageFault when it finds something."""
    screen.ran("interlock ledger verify", stage.interlock("ledger", "verify"), pictured=True)
    return "verified"


def check_proof(stage: Stage, screen: Screen, refusals: Sequence[Refusal]) -> str:
    """Write the proof of the first refusal and have it checked. Raises StageFault when it does not hold."""
    found = RECORD_ID.search(refusals[0].text) if refusals else None
    if found is None:
        raise StageFault("the refusal names no decision id, so nothing can be proven about it")
    proof = stage.directory / "decision.proof"
    screen.ran(
        f"interlock ledger prove {found[0]} --output decision.proof",
        stage.interlock("ledger", "prove", found[0], "--output", str(proof)),
    )
    key = stage.interlock("ledger", "key").strip()
    done = subprocess.run([sys.executable, "-I", VERIFIER, proof, key], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StageFault(f"the proof does not hold: {done.stderr.strip() or done.stdout.strip()}")
    screen.ran("python tools/verify_proof.py decision.proof", done.stdout)
    return "holds"


PROOFS: Final[Mapping[str, Callable[[Stage, Screen, Sequence[Refusal]], str]]] = {
    "The ledger, every record of it": verify_ledger,
    "The proof of one refusal, by a stand-alone verifier": check_proof,
}
