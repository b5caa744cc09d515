"""What decides from now on: read from the files once, tried out, and handed to every worker as it was read."""

import os
from pathlib import Path

from msgspec import Struct

from interlock.app.bundles import known_here, read_pack
from interlock.app.config import Config, ConfigFault, parse_config
from interlock.app.journal import LocalJournal
from interlock.app.runbooks import read_runbooks
from interlock.app.serve.control import Activate
from interlock.app.serve.counting import Counts
from interlock.app.serve.wiring import Wiring
from interlock.ledger.scribe import Scribe
from interlock.policy import Bundle, Judge, activate


class InForce(Struct, frozen=True, kw_only=True):
    """A configuration and the policy bundle it names, as they were read together."""

    text: str
    config: Config
    pack: dict[str, str]
    judge: Judge
    runbooks: dict[str, str]

    @classmethod
    def read(cls, file: Path) -> "InForce":
        """Read both. Raises Fault with everything that is wrong; the pack has passed its own cases then."""
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigFault(
                file.name, [(1, f"`{file}` cannot be read ({reason}): make one with `interlock init`")]
            ) from error
        config = parse_config(text, base=file.absolute().parent, name=file.name)
        pack = read_pack(config.policy.pack)
        judge = activate(pack, known_here(config))
        runbooks = read_runbooks(config.runbooks.directory)
        return cls(text=text, config=config, pack=pack, judge=judge, runbooks=runbooks)

    @property
    def bundle(self) -> Bundle:
        """What decides."""
        return self.judge.bundle

    def message(self, gateway: str) -> Activate:
        """As workers are told."""
        return Activate(gateway=gateway, config=self.text, pack=self.pack, runbooks=self.runbooks)

    def rehearse(self, journal: LocalJournal) -> None:
        """Do what a worker will do with it: secrets, keys and certificates are read. Raises Fault."""
        wiring = Wiring(journal=journal, scribe=Scribe(os.urandom), counts=Counts(), mark=lambda place: None)
        wiring.settings(self.config, self.pack, self.runbooks)
