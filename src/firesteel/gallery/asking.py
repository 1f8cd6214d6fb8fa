"""Measures for which the rows are read again, or the model is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import torch

from firesteel.data import made_up_target, rule_of
from firesteel.gallery.runs import MSE, Ran, baseline_of, value_of
from firesteel.model import evaluate_model, save_model
from firesteel.nets import LOSSES
from firesteel.training import Rows, batches, first_seed


def on_train(ran: Ran, metric: str) -> float:
    """A score on the rows that it learned from."""
    return value_of(evaluate_model(ran.model, ran.table("train")).scores, metric)


def shown_once(ran: Ran) -> float:
    """The share of the training rows that the first epoch shows once, by the loop's own order."""
    n = ran.model.report.n_rows["train"]
    rows = Rows((torch.zeros(n, 1),), torch.arange(n, dtype=torch.float64))
    size = int(ran.model.recipe.batch_size or n)
    order = batches(
        rows, LOSSES["mse"](1), batch_size=size, seed=first_seed(ran.model.recipe), epoch=0, k=1, dtype=rows.y.dtype
    )
    shown = torch.cat([batch.t for batch in order]).long().reshape(-1)
    return float((torch.bincount(shown, minlength=n) == 1).double().mean())


def against_degree(ran: Ran, degree: str) -> float:
    """The network's mean squared error on test rows as a multiple of that of a polynomial of a degree in its column."""
    target = ran.model.schema.target.name
    (train, test), (name,) = (ran.table(part).frame for part in ("known", "test")), ran.model.features.sources
    fitted = np.polynomial.Polynomial.fit(train[name].to_numpy(), train[target].to_numpy(), int(degree))
    errors = fitted(test[name].to_numpy()) - test[target].to_numpy()
    return value_of(ran.model.report.test, MSE) / float(np.square(errors).mean())


def by_rule(ran: Ran) -> float:
    """The share of test rows that a person's own program for the set gets right."""
    rule = rule_of(str(ran.fields["data"]))
    assert rule is not None, "the set comes with a rule"
    frame = ran.table("test").frame
    return float((rule(frame) == frame[ran.model.schema.target.name].to_numpy()).mean())


def exact_share(ran: Ran) -> float:
    """The share of all rows, learned and held out, whose rounded answer is the target."""
    right = []
    for part in ("train", "test"):
        frame = ran.table(part).frame
        pred = ran.model.predict(frame).pred
        right.append(np.round(pred) == frame[ran.model.schema.target.name].to_numpy())
    return float(np.concatenate(right).mean())


def asked_again(ran: Ran) -> float:
    """What the saved model answers to the entry's row in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        run, rows = Path(folder) / "run", Path(folder) / "rows.csv"
        save_model(ran.model, run)
        pl.DataFrame({name: [value] for name, value in ran.ask.items()}).write_csv(rows)
        words = [sys.executable, "-m", "firesteel", "predict", str(run), str(rows), "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["rows"][0][ran.model.schema.target.name])


def beside_column(ran: Ran, column: str, model: str = "network") -> float:
    """R2 of what is left of a made-up target once the part of one column is taken out of it."""
    frame = ran.table("test").frame
    y = frame[ran.model.schema.target.name].to_numpy().astype(np.float64)
    alone = made_up_target(str(ran.fields["data"]), frame, column=column)
    pred = ran.model.predict(frame).pred if model == "network" else baseline_of(ran, model).answer
    assert pred is not None, "a baseline that was just fitted keeps its answers"
    rest = y - alone
    return float(1 - np.square(y - pred).sum() / np.square(rest - rest.mean()).sum())


def share_of_column(ran: Ran, column: str) -> float:
    """The share of a made-up target's variance that the part of one column makes."""
    frame = ran.table("test").frame
    y = frame[ran.model.schema.target.name].to_numpy().astype(np.float64)
    rest = y - made_up_target(str(ran.fields["data"]), frame, column=column)
    return float(1 - rest.var() / y.var())


def share_of_class(ran: Ran, name: str) -> float:
    """The share of a class among the test rows."""
    words = ran.table("test").frame[ran.model.schema.target.name].cast(pl.String).to_numpy()
    return float((words == name).mean())
