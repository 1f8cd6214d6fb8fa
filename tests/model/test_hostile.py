"""A folder whose checksums are right and whose content is wrong is refused as a whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from firesteel.errors import ModelError
from firesteel.model import load_model
from firesteel.model.folder import write_folder

Record = dict[str, Any]


@pytest.fixture
def rewrite(finished_run: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of a run with a change in it and new checksums."""

    def write(change: Callable[[Record, Record], object]) -> Path:
        record = json.loads((finished_run / "model.json").read_text(encoding="utf-8"))
        tensors = safetensors.torch.load_file(finished_run / "weights.safetensors")
        change(record, tensors)
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        write_folder(tmp_path / "run", record, tensors=tensors, files={})
        return tmp_path / "run"

    return write


def retype(dtype: torch.dtype) -> Callable[[Record, Record], object]:
    return lambda _, tensors: tensors.update({name: tensor.to(dtype) for name, tensor in tensors.items()})


def name_classes(*classes: str) -> Callable[[Record, Record], object]:
    def change(record: Record, _: Record) -> None:
        for part in (record["schema"], record["features"]):
            part["target"]["classes"] = list(classes)
        record["report"]["classes"] = list(classes)

    return change


def report(**parts: Any) -> Callable[[Record, Record], object]:
    return lambda record, _: record["report"].update(parts)


LIES = [
    retype(torch.float8_e4m3fn),
    retype(torch.int64),
    retype(torch.bool),
    retype(torch.float64),
    name_classes("no", "yes", "maybe"),
    name_classes("no", "no"),
    lambda record, _: record["readout"].update(centre=float("nan")),
    lambda record, _: record.update(label_type="integer"),
    lambda record, _: record.update(has_header="perhaps"),
    lambda record, _: record["report"]["scores"].update(test={}),
    lambda record, _: record["report"]["scores"]["test"].pop("accuracy"),
    report(n_params="x"),
    report(n_params=None),
    report(seconds={"training": "long"}),
    report(target=["y"]),
    report(confusion={"counts": [[1, 2, 3]]}),
    report(confusion={"counts": [["a", "b"], [1, 2]]}),
    report(comparison={"metric": "luck", "difference": 1, "low": 0, "high": 1, "n_rows": 3}),
    report(curve={"column": "x", "x": [0, 1], "answers": [[0, 1]]}),
    report(curve={"column": "x", "x": [1, 0], "answers": [[0, 1]] * 2, "ends": [0, 1], "is_log": False}),
    report(plane={"columns": ["a", "b"], "x": [0, 1], "y": [0, 1], "is_log": [False, False], "levels": ["no", "yes"]}),
    report(compared=[{"settings": {"lr": "fast"}, "val_loss": 1, "best_epoch": 1, "n_epochs": 1, "is_kept": True}]),
    report(compared=7),
    report(baselines={"svm": {}}, baseline_notes={"svm": {"label": 3, "seconds": "x", "note": ""}}),
]


@pytest.mark.parametrize("change", LIES, ids=range(len(LIES)))
def test_a_lie_with_the_right_checksums_is_a_model_error(rewrite, change) -> None:
    with pytest.raises(ModelError, match="must be as fit wrote"):
        load_model(rewrite(change))


def test_a_rewritten_run_that_says_the_same_is_read(rewrite) -> None:
    assert load_model(rewrite(lambda *_: None)).classes == ("no", "yes")
