"""Stopping a script before its end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StopWatching(BaseException):
    """Raised inside the script when enough was seen; not an Exception, so that the script does not catch it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@contextmanager
def stop_after(limit_s: float | None) -> Iterator[None]:
    """Raises `StopWatching("time")` in the main thread after so many seconds, and again while it is caught."""
    if limit_s is None:
        yield
    elif hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():

        def stop(*_: object) -> None:
            raise StopWatching("time")

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, limit_s, 1.0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)
    else:  # no such timer: the next optimizer step that is seen, or an interrupt, ends it
        import _thread

        timer = threading.Timer(limit_s, _thread.interrupt_main)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
