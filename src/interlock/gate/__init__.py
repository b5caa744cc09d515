"""The gate: one order of things for every surface."""

from interlock.gate.admit import Gate, Stance
from interlock.gate.lifting import Ends, Found, Leases, Lifting, Terms
from interlock.gate.metering import Counters, Metering
from interlock.gate.port import Ask, Journal, Judge, Port, Scribe
from interlock.gate.settle import Settled, Settling, settle

__all__ = [
    "Ask", "Counters", "Ends", "Found", "Gate", "Journal", "Judge", "Leases", "Lifting", "Metering", "Port", "Scribe",
    "Settled", "Settling", "Stance", "Terms", "settle",
]  # fmt: skip
