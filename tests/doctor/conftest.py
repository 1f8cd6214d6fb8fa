"""Scripts under the doctor, in this process."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from firesteel.doctor import Diagnosis, examine


def run_quietly(path: Path, **options: Any) -> Diagnosis:
    """The diagnosis of a script; its own warnings are its own business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return examine(path, **options)


@pytest.fixture
def diagnose(tmp_path: Path) -> Callable[..., Diagnosis]:
    """`diagnose(text, only=["L01"])`: the diagnosis of a script of this text."""

    def run(text: str, **options: Any) -> Diagnosis:
        path = tmp_path / "script.py"
        path.write_text(textwrap.dedent(text).strip() + "\n", encoding="utf-8")
        return run_quietly(path, **options)

    return run


@pytest.fixture
def assert_found() -> Callable[[Diagnosis, str, str], None]:
    """`assert_found(diagnosis, "L01", "softmax")`: the rule's only finding names the line that holds the fragment."""

    def check(diagnosis: Diagnosis, rule: str, fragment: str) -> None:
        assert diagnosis.failures == ()
        lines = [one.source.strip() for one in diagnosis.findings if one.rule == rule]
        assert len(lines) == 1, lines or diagnosis.outcomes
        assert fragment in lines[0]

    return check


@pytest.fixture
def assert_outcome() -> Callable[[Diagnosis, str, str], None]:
    """The rule answered with this: passed, not applicable, ignored, failed."""

    def check(diagnosis: Diagnosis, rule: str, outcome: str) -> None:
        found = [one.outcome for one in diagnosis.outcomes if one.rule == rule]
        assert found == [outcome], (diagnosis.outcomes, diagnosis.findings, diagnosis.failures)

    return check


@pytest.fixture
def examine_patient() -> Callable[..., Diagnosis]:
    """The diagnosis of a file as it lies there."""
    return run_quietly


@pytest.fixture(autouse=True)
def no_mode_is_left() -> Iterator[None]:
    """Whatever a script does, PyTorch is left as it was found."""
    yield
    assert torch._C._len_torch_function_stack() == 0
