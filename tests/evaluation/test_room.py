"""The room as a whole."""

from __future__ import annotations

import subprocess
import sys

import firesteel.evaluation


def test_every_public_name_is_there_once() -> None:
    names = firesteel.evaluation.__all__
    assert len(names) == len(set(names))
    assert all(hasattr(firesteel.evaluation, name) for name in names)


def test_entering_the_room_loads_neither_scikit_learn_nor_matplotlib_nor_torch() -> None:
    code = "import sys, firesteel.evaluation; print({'sklearn', 'matplotlib', 'torch', 'scipy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
