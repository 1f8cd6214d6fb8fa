"""Stopping a script before its end."""

from __future__ import annotations

import _weakrefset
import gc
import signal
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Where it was caught it is raised again, and where it cannot be raised a little later.
AGAIN_S, SOON_S = 1.0, 0.01
#: Callbacks of weak references: what is raised in there Python prints and forgets, as in `__del__` and at collections.
_FORGETTING = (weakref.__file__, _weakrefset.__file__)


class StopWatching(BaseException):
    """Raised inside the script when enough was seen; not an Exception, so that the script does not catch it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _is_unraisable(frame: FrameType | None) -> bool:
    at_collections = [getattr(one, "__code__", None) for one in gc.callbacks]
    while frame is not None:
        code = frame.f_code
        if code.co_name == "__del__" or code.co_filename in _FORGETTING or code in at_collections:
            return True
        frame = frame.f_back
    return False


@contextmanager
def stop_after(limit_s: float | None) -> Iterator[None]:
    """Raises `StopWatching("time")` in the main thread after so many seconds, and again while it is caught."""
    if limit_s is None:
        yield
    elif hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():

        def stop(_: int, frame: FrameType | None) -> None:
            if _is_unraisable(frame):
                signal.setitimer(signal.ITIMER_REAL, SOON_S, AGAIN_S)
                return
            raise StopWatching("time")

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, limit_s, AGAIN_S)
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
