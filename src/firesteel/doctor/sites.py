"""Where in whose code something happened: the innermost frame of the user's files."""

from __future__ import annotations

import itertools
import os
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import CodeType, FrameType

import torch

from firesteel.doctor.texts import keep_text

_INSTALLED_AT = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")}
_LIBRARIES = tuple(f"{folder}{os.sep}" for folder in (*_INSTALLED_AT, Path(__file__).parents[1]))
_DOCTOR = f"{Path(__file__).parent}{os.sep}"
_PYTORCH = f"{Path(torch.__path__[0])}{os.sep}"
_INSTALLED = ("site-packages", "dist-packages")
_MOST_CALLERS = 6
_KNOWN: dict[tuple[int, int, bool], Site] = {}


@dataclass(frozen=True, eq=False)
class Site:
    """One place in a program: a code object and an instruction of it; lines and columns are looked up when asked.

    `find_site` gives the same object for the same place, so that sites are compared and counted by identity.
    """

    code: CodeType
    instruction: int
    is_through_library: bool = False  # another library than PyTorch did it, called from this line

    @property
    def path(self) -> str:
        return self.code.co_filename

    @property
    def function(self) -> str:
        """The name of the function, `<module>` at the top of a file."""
        return self.code.co_name

    @cached_property
    def _span(self) -> tuple[int, int, int, int]:
        spans = self.code.co_positions()
        line, end_line, column, end_column = next(
            itertools.islice(spans, self.instruction // 2, None), (None, None, None, None)
        )
        first = line if line is not None else self.code.co_firstlineno
        return first, column or 0, end_line or first, end_column or 0

    @property
    def line(self) -> int:
        """From 1."""
        return self._span[0]

    @property
    def column(self) -> int:
        """From 0, in bytes of the line's UTF-8."""
        return self._span[1]

    @property
    def end_line(self) -> int:
        return self._span[2]

    @property
    def end_column(self) -> int:
        return self._span[3]

    @property
    def is_users(self) -> bool:
        return is_users_file(self.path)


@cache
def is_users_file(path: str) -> bool:
    """True for a script, a module beside it or a notebook's cell; False for what is installed or comes with Python."""
    if path.startswith("<"):
        return path.startswith(("<ipython-input", "<stdin"))
    if path.startswith(_LIBRARIES):
        return False
    return not any(part in path for part in _INSTALLED)


@cache
def is_library_file(path: str) -> bool:
    """Installed, and neither PyTorch nor the doctor: somebody else's loop or layers."""
    return any(part in path for part in _INSTALLED) and not path.startswith(_PYTORCH)


def is_doctors_file(path: str) -> bool:
    return path.startswith(_DOCTOR)


def line_looked_at(frame: FrameType) -> tuple[str, int]:
    """The file and line, outside PyTorch and the doctor, of what the doctor looks at further in on the stack."""
    is_beyond = False  # the doctor's frames
    while frame.f_back and not (is_beyond and not frame.f_code.co_filename.startswith((_DOCTOR, _PYTORCH))):
        is_beyond = is_beyond or is_doctors_file(frame.f_code.co_filename)
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def find_site(frame: FrameType | None = None) -> Site:
    """The innermost frame of the user's files; where none is on the stack, the outermost frame there is."""
    one = frame if frame is not None else sys._getframe(1)
    is_through_library = False
    while not is_users_file(one.f_code.co_filename):
        is_through_library = is_through_library or is_library_file(one.f_code.co_filename)
        if one.f_back is None:
            break
        one = one.f_back
    # By identity: two code objects of different files may be equal. A site keeps its code, so no id comes again.
    key = (id(one.f_code), one.f_lasti, is_through_library)
    found = _KNOWN.get(key)
    if found is None:
        found = _KNOWN[key] = Site(one.f_code, one.f_lasti, is_through_library)
        if found.is_users:
            keep_text(found.path)
    return found


def find_callers(frame: FrameType | None) -> tuple[Site, ...]:
    """The calls in the user's files on the stack, the innermost first; a few of them."""
    found: list[Site] = []
    while frame is not None and len(found) < _MOST_CALLERS:
        if is_users_file(frame.f_code.co_filename):
            found.append(find_site(frame))
        frame = frame.f_back
    return tuple(found)
