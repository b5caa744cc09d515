"""What can be wrong with a ledger; every one of these stops commands from going through."""

from interlock.model.faults import OurFault


class LedgerFault(OurFault):
    """A record could not be made durable, or the ledger cannot be trusted. The process must stop."""


class LedgerFull(LedgerFault):
    """Free space is below the watermark: commands are refused, what operators do is still recorded."""


class LedgerDamaged(LedgerFault):
    """What is stored contradicts itself, its signature, or what was seen of it before."""
