"""What a unit touched: how to ask the target for it, and what its answer means. Nothing is run here."""

from interlock.impact.counted import Counted, ran_out
from interlock.impact.merged import merged

__all__ = ["Counted", "merged", "ran_out"]
