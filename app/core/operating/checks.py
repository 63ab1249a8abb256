"""Questions that are asked again and again in a thread, so that whoever wants to know never waits for the answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

EVERY = 1.0  # seconds between two questions
PATIENCE = 3.0  # seconds without an answer: broken
UNASKED = "not asked yet"


@dataclass(slots=True)
class Check:
    """One service and how to find out whether it works: `ask` raises when it does not."""

    name: str
    ask: Callable[[], object]
    answer: str | None = UNASKED  # None while it works, otherwise why not
    asked: float | None = None  # monotonic; None while nothing is asked
    stopped: bool = False

    def look(self) -> None:
        """Ask once, however long it takes."""
        self.asked = time.monotonic()
        try:
            self.ask()
            self.answer = None
        except Exception as error:  # noqa: BLE001 - whatever it raises, it says that the service does not work
            self.answer = " ".join(str(error).split()) or type(error).__name__
        finally:
            self.asked = None

    @property
    def problem(self) -> str | None:
        """Why it does not work as far as is known now; None when it does."""
        asked = self.asked
        if asked is not None and time.monotonic() - asked > PATIENCE:
            return f"no answer within {PATIENCE:.0f} s"
        return self.answer

    def start(self) -> None:
        """Ask for ever, in a thread of its own; under gevent that is a greenlet, which `ask` may rely on."""
        threading.Thread(target=self._run, name=f"check-{self.name}", daemon=True).start()

    def _run(self) -> None:
        while not self.stopped:
            self.look()
            time.sleep(EVERY)
