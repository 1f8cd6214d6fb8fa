"""Running a script as Python would, with a watch on it."""

from __future__ import annotations

import builtins
import os
import runpy
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Self

from firesteel.doctor.sites import is_doctors_file
from firesteel.doctor.stopping import StopWatching, stop_after
from firesteel.doctor.texts import encoding_flaw
from firesteel.doctor.watching import Watch

EXIT_INTERRUPTED = 130
_RUNNING = {
    runpy.__file__, "<frozen runpy>", "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>",
}  # fmt: skip


class Ended:
    """How a script ended: whatever leaves the block is kept here, as Python itself would have taken it."""

    def __init__(self) -> None:
        self.code = 0
        self.stopped = ""
        self.variables: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return True
        self.variables = _variables_of(trace)
        if isinstance(error, StopWatching):
            self.stopped = error.reason
        elif isinstance(error, SystemExit):
            self.code = _exit_code(error)
        elif isinstance(error, KeyboardInterrupt):
            self.code, self.stopped = EXIT_INTERRUPTED, "interrupt"
        else:
            _print_traceback(error)
            self.code, self.stopped = 1, f"error: {type(error).__name__}: {error}"
        return True


def run_script(
    target: str, args: Sequence[str], watch: Watch, *, is_module: bool = False, limit_s: float | None = None
) -> tuple[Ended, float]:
    """Runs `python target args...` (or `python -m target args...`) in this process, watched; and its seconds.

    Output and input are the script's own; its traceback is printed to standard error as Python prints it.
    """
    ended = Ended()
    with _as_main(target, args, is_module=is_module):
        began = time.perf_counter()
        watch.start()
        try:
            with ended, stop_after(limit_s):
                if is_module:
                    ended.variables = runpy.run_module(target, run_name="__main__", alter_sys=True)
                else:
                    ended.variables = _run_file(str(Path(target).absolute()))
        finally:
            watch.stop()
        seconds = time.perf_counter() - began
    watch.facts.variables, watch.facts.stopped = ended.variables, ended.stopped
    return ended, seconds


class _Script(SourceLoader):
    """Compiles a script as Python does: nothing is written beside it, and its letters must be those that it names."""

    def __init__(self, path: str) -> None:
        self._path = path

    def get_filename(self, fullname: str) -> str:
        return self._path

    def get_data(self, path: str | bytes) -> bytes:
        place = os.fsdecode(path)
        flaw = encoding_flaw(place)
        if flaw:
            raise SyntaxError(f"{flaw}, but no encoding declared; see https://peps.python.org/pep-0263/ for details")
        return Path(place).read_bytes()


def _run_file(path: str) -> dict[str, Any]:
    """What `python path` does; with `runpy.run_path` either argv[0] or `__file__` is another than there."""
    main = ModuleType("__main__")
    main.__file__ = path
    vars(main).update(__cached__=None, __builtins__=builtins)
    sys.modules["__main__"] = main
    _Script(path).exec_module(main)
    return dict(vars(main))


def _exit_code(end: SystemExit) -> int:
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code
    sys.stderr.write(f"{end.code}\n")
    return 1


def _variables_of(trace: TracebackType | None) -> dict[str, Any]:
    """The globals of the script when it was left by an exception."""
    while trace is not None:
        names = trace.tb_frame.f_globals
        if names.get("__name__") == "__main__" and trace.tb_frame.f_code.co_name == "<module>":
            return dict(names)
        trace = trace.tb_next
    return {}


def _print_traceback(error: BaseException) -> None:
    """As Python prints it: the frames of the doctor and of what runs the script are left out."""
    shown = traceback.TracebackException.from_exception(error, compact=True)
    _hide_frames(shown)
    sys.stderr.write("".join(shown.format()))


def _hide_frames(shown: traceback.TracebackException) -> None:
    for one in (shown.__cause__, shown.__context__, *(shown.exceptions or ())):
        if one is not None:
            _hide_frames(one)
    shown.stack[:] = [one for one in shown.stack if not (is_doctors_file(one.filename) or one.filename in _RUNNING)]


@contextmanager
def _as_main(target: str, args: Sequence[str], *, is_module: bool) -> Iterator[None]:
    """argv and the first entry of the path as they are for the script; put back behind it."""
    argv, path, main = sys.argv[:], sys.path[:], sys.modules.get("__main__")
    sys.argv = [target, *args]
    folder = str(Path.cwd()) if is_module else str(Path(target).resolve().parent)
    # What stands first is the folder of the program that runs the doctor: the script's own takes its place.
    sys.path[0:1] = [folder]
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.argv, sys.path[:] = argv, path
        if main is not None:
            sys.modules["__main__"] = main
