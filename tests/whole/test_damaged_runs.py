"""A run folder that fit did not write so is refused: quickly, in two lines, and no code in it is run."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import firesteel
from firesteel import ModelError
from firesteel.model.folder import write_folder

Record = dict[str, Any]

#: A net of a lie would take gigabytes; reading that it is one takes milliseconds.
MAX_S = 2.0


@pytest.fixture
def run(finished_run, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


def edit(run: Path, change: Callable[[Record], None]) -> None:
    """Change model.json with no checksum mended."""
    record = json.loads((run / "model.json").read_text())
    change(record)
    (run / "model.json").write_text(json.dumps(record))


def lie(run: Path, change: Callable[[Record, dict[str, torch.Tensor]], Any]) -> None:
    """Change record and tensors, and write the folder with checksums that are right."""
    record = json.loads((run / "model.json").read_text())
    tensors = safetensors.torch.load_file(run / "weights.safetensors")
    change(record, tensors)
    shutil.rmtree(run)
    write_folder(run, record, tensors=tensors, files={})


def assert_refused(say: Callable[..., Any], run: Path, found: str) -> None:
    started = time.perf_counter()
    said = say("show", run)
    assert time.perf_counter() - started < MAX_S
    assert (said.code, said.out) == (2, "")
    first, second = said.err.splitlines()
    assert found in first
    assert second.startswith("  Try: ")


def test_a_newer_format_asks_for_a_newer_firesteel(say, run) -> None:
    edit(run, lambda record: record.update(format=99, firesteel="9.0"))
    said = say("predict", run, "iris")
    assert said.code == 2
    assert "has 99, written by firesteel 9.0" in said.err
    assert "pip install --upgrade firesteel" in said.err


def test_an_older_format_asks_for_a_new_fit(say, run) -> None:
    edit(run, lambda record: record.update(format=0))
    assert "fit the model again" in say("show", run).err


def test_edited_json_is_noticed(say, run) -> None:
    edit(run, lambda record: record["report"].update(target="z"))
    assert_refused(say, run, "model.json was edited")


def test_truncated_weights_are_noticed(say, run) -> None:
    whole = (run / "weights.safetensors").read_bytes()
    (run / "weights.safetensors").write_bytes(whole[:-100])
    assert_refused(say, run, f"ends after {len(whole) - 100:,} of {len(whole):,} bytes")


def test_truncated_json_is_noticed(say, run) -> None:
    text = (run / "model.json").read_text()
    (run / "model.json").write_text(text[: len(text) // 2])
    assert_refused(say, run, "model.json is not JSON")


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
def test_a_missing_file_is_named(say, run, name) -> None:
    (run / name).unlink()
    assert_refused(say, run, f"has no {name}")


@pytest.mark.skipif(os.name == "nt", reason="Windows asks for rights to make a link")
@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "recipe.toml"])
def test_a_link_is_not_followed(say, run, tmp_path, name) -> None:
    (run / name).rename(tmp_path / name)
    (run / name).symlink_to(Path("..") / name)
    assert_refused(say, run, f"'{name}' in it is not a plain file")


@pytest.mark.parametrize("place", ["features", "schema"])
def test_a_path_as_the_name_of_a_column_is_only_a_name(run, make_rows, place) -> None:
    """No name in a record is ever taken for a file."""

    def change(record: Record, _: object) -> None:
        record[place]["target"]["name"] = "../../etc/passwd"

    lie(run, change)
    with pytest.raises(ModelError):
        firesteel.load(run)


def weight(tensors: dict[str, torch.Tensor]) -> str:
    return next(name for name in tensors if name.startswith("body.") and name.endswith("weight"))


def body(record: Record) -> list[Record]:
    return record["net"]["body"]["layers"]


def linear(record: Record) -> Record:
    return next(layer for layer in body(record) if layer["layer"] == "Linear")


LIES: dict[str, Callable[[Record, dict[str, torch.Tensor]], Any]] = {
    "a tensor of another shape": lambda _, t: t.update({weight(t): t[weight(t)][:, :-1]}),
    "a tensor too few": lambda _, t: t.pop(weight(t)),
    "a tensor too many": lambda _, t: t.update(more=torch.zeros(3)),
    "a weight that is no number": lambda _, t: t[weight(t)].view(-1).__setitem__(0, math.nan),
    "an infinite weight": lambda _, t: t[weight(t)].view(-1).__setitem__(0, math.inf),
    "another width": lambda r, _: r["net"].update(d_num=7),
    "a huge width": lambda r, _: linear(r).update(d_out=10**9),
    "a width beyond integers": lambda r, _: linear(r).update(d_out=10**30),
    "a negative width": lambda r, _: linear(r).update(d_out=-1),
    "a width in words": lambda r, _: linear(r).update(d_out="many"),
    "an unknown layer": lambda r, _: body(r)[0].update(layer="os.system"),
    "no layers": lambda r, _: body(r).clear(),
    "no branches": lambda r, _: r["net"]["inputs"].clear(),
    "more members": lambda r, _: r.update(n_members=10**9),
    "no members": lambda r, _: r.update(n_members=0),
    "a level too many": lambda r, _: categorical(r)["levels"].append("atlantis"),
    "a level twice": lambda r, _: categorical(r)["levels"].append(categorical(r)["levels"][0]),
    "a column too few": lambda r, _: r["features"]["columns"].pop(),
    "a scale of zero": lambda r, _: numeric(r)["scaling"].update(scale=0),
    "a scale that is no number": lambda r, _: numeric(r)["scaling"].update(scale=math.nan),
    "other classes": lambda r, _: r["features"]["target"].update(classes=["no", "yes", "perhaps"]),
    "another class everywhere": lambda r, _: add_class(r),
    "another task": lambda r, _: r["readout"].update(task="regression"),
    "a temperature below zero": lambda r, _: r["readout"].update(temperature=-1),
    "another dtype": lambda r, _: r["recipe"].update(dtype="float16"),
    "an unknown field of the recipe": lambda r, _: r["recipe"].update(exec="rm -rf ~"),
    "a score that is no number": lambda r, _: r["report"]["scores"]["test"]["accuracy"].update(value="good"),
    "no schema": lambda r, _: r.pop("schema"),
    "a list for the features": lambda r, _: r.update(features=[]),
}


def categorical(record: Record) -> Record:
    return next(column for column in record["features"]["columns"] if column["encoding"] == "word")


def numeric(record: Record) -> Record:
    return next(column for column in record["features"]["columns"] if column["encoding"] == "number")


def add_class(record: Record) -> None:
    for target in (record["features"]["target"], record["schema"]["target"]):
        target.update(classes=["no", "yes", "perhaps"])


@pytest.mark.parametrize("change", LIES.values(), ids=LIES.keys())
def test_a_lie_with_the_right_checksum_is_found(say, run, change) -> None:
    lie(run, change)
    assert_refused(say, run, "must be")


def test_an_unchanged_record_is_read(run) -> None:
    """The way in which the lies are written is not what they are refused for."""
    before = firesteel.load(run).population.weights
    lie(run, lambda *_: None)
    assert torch.equal(firesteel.load(run).population.weights, before)


def test_a_pickle_as_weights_is_not_opened(say, run, tmp_path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    (run / "weights.safetensors").write_bytes(pickle.dumps(Trap()))
    assert say("show", run).code == 2
    assert not (tmp_path / "sprung").exists()
