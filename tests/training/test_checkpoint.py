"""A killed run goes on to the same bits; nothing else is taken for its checkpoint."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from firesteel.errors import TrainingError
from firesteel.nets import (
    Columns,
    ModulePopulation,
    Views,
    build_picture_net,
    fit_state,
    input_net,
    start_population,
)
from firesteel.recipe import make_recipe
from firesteel.training import Checkpoint, Rows, fold_rows_of, train

PER_MEMBER = {"lr": (0.003, 0.03), "weight_decay": (0.0, 0.1), "dropout": (0.2, 0.5), "label_smoothing": (0.1, 0.0)}


class KillError(Exception):
    """What stands for kill -9: training stops where it is."""


def killer(after):
    def watch(sight):
        if sight.epochs_done > after:
            raise KillError

    return watch


def own_module(case):
    net = input_net(Columns(3, (1,), (4, 30)))
    fitted = fit_state(net, x_num=case.x_num, x_cat=case.x_cat)
    torch.manual_seed(0)
    body = nn.Sequential(nn.Linear(net.d_dense, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.4), nn.Linear(8, 3))
    return ModulePopulation(net, body, fitted=fitted, dtype=torch.float64, device=torch.device("cpu"))


def start(case, plan, kind, **extra):
    if kind == "folds":
        population = case.population(plan.seeds)
        rows, val = fold_rows_of(
            case.rows(population), np.arange(len(case.y)) % 2, members=np.arange(2), dtype=torch.float64
        )
    else:
        population = own_module(case)
        rows, val = case.parts(population)
    return population, train(population, rows, val=val, plan=plan, **extra)


@pytest.mark.parametrize(
    ("optimizer", "batch_size", "after"),
    [
        ("sgd", 16, 1),
        ("sgd", 16, 3),
        ("adamw", 16, 2),
        ("rmsprop", 16, 1),
        ("soap", 16, 2),
        pytest.param("adamw", 1, 1.3, id="adamw killed within an epoch"),
    ],
)
@pytest.mark.parametrize("kind", ["folds", "module"])
def test_a_resumed_run_ends_with_the_same_bits(case, make_plan, tmp_path, kind, optimizer, batch_size, after):
    settings = PER_MEMBER | {"seeds": (3, 4)} if kind == "folds" else {}
    momentum = 0.0 if optimizer in ("adamw", "soap") else 0.9
    k = 2 if kind == "folds" else 1
    plan = make_plan(
        k, **settings, optimizer=optimizer, momentum=momentum, batch_size=batch_size, epochs=4 if batch_size > 1 else 2
    )
    undisturbed, run = start(case, plan, kind)
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this run", seconds_between=0)
    with pytest.raises(KillError):
        start(case, plan, kind, checkpoint=checkpoint, observer=killer(after))
    population, resumed = start(case, plan, kind, checkpoint=checkpoint)
    assert torch.equal(population.weights, undisturbed.weights)
    assert torch.equal(population.state, undisturbed.state)
    assert (resumed.val_loss, resumed.train_loss) == (run.val_loss, run.train_loss)
    assert (resumed.best_epoch, resumed.n_steps, resumed.ending) == (run.best_epoch, run.n_steps, run.ending)
    assert resumed.seconds > 0


def test_a_resumed_run_still_stops_early(case, make_plan, tmp_path):
    plan = make_plan(1, lr=0.1, epochs=40, patience=3, schedule="constant")
    _, run = start(case, plan, "module")
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this run", seconds_between=0)
    with pytest.raises(KillError):
        start(case, plan, "module", checkpoint=checkpoint, observer=killer(run.n_epochs - 2))
    _, resumed = start(case, plan, "module", checkpoint=checkpoint)
    assert run.n_epochs < 40
    assert resumed.val_loss == run.val_loss


def test_a_checkpoint_is_written_now_and_then_only(case, make_plan, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this run", seconds_between=3600)
    start(case, make_plan(2, seeds=(3, 4)), "folds", checkpoint=checkpoint)
    assert not checkpoint.exists()


@pytest.fixture
def killed(case, make_plan, tmp_path):
    """The checkpoint of a killed run, and how to go on with it."""
    plan = make_plan(2, seeds=(3, 4))
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this run", seconds_between=0)
    with pytest.raises(KillError):
        start(case, plan, "folds", checkpoint=checkpoint, observer=killer(2))

    def resume(run_key="this run", **changes):
        key = Checkpoint(checkpoint.path, run_key)
        return start(case, make_plan(2, seeds=(3, 4), **changes), "folds", checkpoint=key)

    return checkpoint.path, resume


def test_another_runs_checkpoint_is_refused(killed):
    _, resume = killed
    with pytest.raises(TrainingError, match="another recipe, other data or another version"):
        resume(run_key="another run")


def test_a_checkpoint_of_another_optimizer_is_refused(killed):
    with pytest.raises(TrainingError, match="its own checkpoint"):
        killed[1](optimizer="rmsprop", momentum=0.9)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_checkpoint_is_refused(killed, share):
    path, resume = killed
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(TrainingError, match="its own checkpoint"):
        resume()


def edit_facts(path, edit):
    """The same tensors with other words beside them."""
    facts = {"run_key": "this run", "n_steps": 3, "best_epoch": [1, 1], "best_val_loss": [1, 1]}
    save_file(load_file(path), path, metadata=edit(facts))


EDITS = {
    "no words": lambda _: None,
    "not JSON": lambda facts: {"progress": str(facts)},
    "a number": lambda _: {"progress": "5"},
    "a word too many": lambda facts: {"progress": json.dumps({**facts, "extra": 1})},
    "a word missing": lambda facts: {"progress": json.dumps({"run_key": facts["run_key"]})},
}


@pytest.mark.parametrize("name", EDITS)
def test_a_checkpoint_with_edited_words_is_refused(killed, name):
    path, resume = killed
    edit_facts(path, EDITS[name])
    with pytest.raises(TrainingError, match="its own checkpoint"):
        resume()


def test_tensors_of_another_shape_are_refused(killed):
    path, resume = killed
    tensors = load_file(path)
    facts = {"run_key": "this run", "n_steps": 3, "best_epoch": [1, 1], "best_val_loss": [1, 1], "precision": None}
    tensors["weights"] = torch.zeros(1, dtype=torch.float64)  # would be copied into all places
    save_file(tensors, path, metadata={"progress": json.dumps(facts)})
    with pytest.raises(TrainingError, match=r"\(1,\) torch.float64 was read"):
        resume()


def test_a_disk_that_does_not_take_it_is_said(case, make_plan, tmp_path):
    checkpoint = Checkpoint(tmp_path / "gone" / "checkpoint.safetensors", "this run", seconds_between=0)
    with pytest.raises(TrainingError, match="a checkpoint needs room on the disk"):
        start(case, make_plan(2, seeds=(3, 4)), "folds", checkpoint=checkpoint)


def picture_population():
    """A small conv net with dropout and changed views, and rows for it."""
    rng = np.random.default_rng(0)
    x, y = torch.from_numpy(rng.integers(0, 256, (100, 64), dtype=np.uint8)), torch.from_numpy(rng.integers(0, 3, 100))
    no_cat = torch.empty(100, 0, dtype=torch.int64)
    net, _ = build_picture_net(
        make_recipe(), (8, 8, 1), net="conv", d_out=3, views=Views(shift=0.1, erase=0.5), dropout=0.2
    )
    fitted = fit_state(net, x_num=x, x_cat=no_cat)
    population = start_population(net, (4,), fitted=fitted, dtype=torch.float32, device=torch.device("cpu"))
    rows = Rows(population.prepare(x, no_cat), y)
    return population, rows.part(0, 80), rows.part(80, 100)


@pytest.mark.parametrize("n_crew", [1, 2])
@pytest.mark.parametrize("precision", [None, torch.bfloat16], ids=str)
def test_a_resumed_run_of_pictures_ends_with_the_same_bits(make_plan, tmp_path, n_crew, precision):
    plan = make_plan(1, ema=0.9, precision=precision, seeds=(4,), batch_size=80)

    def start(**extra):
        population, rows, val = picture_population()
        return population, train(population, rows, val=val, plan=plan, n_crew=n_crew, **extra)

    undisturbed, run = start()
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this run", seconds_between=0)
    with pytest.raises(KillError):
        start(checkpoint=checkpoint, observer=killer(2))
    assert {"average.weights", "average.state"} <= load_file(checkpoint.path).keys()
    population, resumed = start(checkpoint=checkpoint)
    assert torch.equal(population.weights, undisturbed.weights)
    assert torch.equal(population.state, undisturbed.state)
    assert (resumed.val_loss, resumed.best_epoch) == (run.val_loss, run.best_epoch)


def test_a_checkpoint_without_averages_is_not_gone_on_with_by_a_run_that_has_them(case, make_plan, tmp_path):
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", "this run", seconds_between=0)
    start(case, make_plan(1), "module", checkpoint=checkpoint)
    with pytest.raises(TrainingError, match=r"average\.weights"):
        start(case, make_plan(1, ema=0.9), "module", checkpoint=checkpoint)
