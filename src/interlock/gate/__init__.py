"""The gate: one order of things for every surface."""

from interlock.gate.admit import Gate, Stance
from interlock.gate.port import Ask, Journal, Judge, Port, Scribe

__all__ = ["Ask", "Gate", "Journal", "Judge", "Port", "Scribe", "Stance"]
