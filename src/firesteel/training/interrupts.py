"""Ctrl-C during training: the first ends it with the best weights, the second stops the program."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def noticed_interrupts() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C sets; the second raises KeyboardInterrupt.

    Outside the main thread, where Python lets nobody listen to signals, Ctrl-C is left as it is.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.getsignal(signal.SIGINT) or signal.default_int_handler  # None: set by a program around Python

    def notice(_number: int, _frame: FrameType | None) -> None:
        if event.is_set():
            signal.signal(signal.SIGINT, before)
            raise KeyboardInterrupt
        event.set()

    signal.signal(signal.SIGINT, notice)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
