"""The supervisor's counters: one owner, in memory and beside the ledger, for the commands of all workers."""

from collections.abc import Iterable, Sequence

from interlock.access.budgets import Budgets, Count, Reserve, Settle, Spent, Step


class Counters:
    """One event loop runs all of it, so a reservation and the counts that come back with it are one step.

    A reservation is held as soon as it is asked for, and durable with the record of its decision; what was used is
    durable with the record of the outcome. Workers tell both here first: what is in memory is never less.
    """

    def __init__(self, spent: Iterable[Spent]) -> None:
        self._budgets = Budgets()
        self._budgets.load(spent)
        self._reserved: dict[int, dict[str, Reserve]] = {}  # by worker

    def draw(self, worker: int, steps: Sequence[Reserve], counts: Sequence[Count], at: int) -> list[int | None]:
        """Reserve, and say what everybody else has used."""
        self.follow(worker, steps)
        beside = [step.id for step in steps]
        return [self._budgets.used(count.key, count.metric, count.window, at, beside=beside) for count in counts]

    def follow(self, worker: int, steps: Iterable[Step]) -> None:
        """Hear what a worker's commands reserve and have used."""
        held = self._reserved.setdefault(worker, {})
        for step in steps:
            match step:
                case Reserve():
                    held[step.id] = step
                case Settle():
                    held.pop(step.id, None)
            self._budgets.follow([step])

    def lost(self, worker: int, at: int) -> None:
        """A worker is gone, and nobody sees the end of what it ran any more: all that was reserved is used up.

        Beside the ledger it stays reserved, and is used up again at the next start: rather twice than not.
        """
        held = self._reserved.pop(worker, {}).values()
        self._budgets.follow(Settle(id=step.id, keys=step.keys, amounts=step.amounts, at=at) for step in held)

    def sweep(self, at: int) -> None:
        """Forget what counts no more."""
        self._budgets.sweep(at)
