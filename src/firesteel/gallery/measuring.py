"""What can be asked of a run by name: `test accuracy`, `weight x`, `steps 1e-9`, `baseline svm accuracy`.

Measures read the report, or ask the model; nothing is typed in. A measure of another run than the first has its name in
front (`raw: test rmse`); `best:` stands for the run whose val loss is the least.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from firesteel.data import Pictures, Table, Wish, made_up_target, read_input, rule_of
from firesteel.errors import RecipeError, nearest
from firesteel.evaluation import MAIN_METRIC, Baseline, Score, Term, formula
from firesteel.gallery.entries import Value
from firesteel.model import Model, evaluate_model, save_model

#: A squared error is the square of this one.
_MSE, _RMSE = "mse", "rmse"


@dataclass(frozen=True)
class Ran:
    """One run of an entry, done."""

    fields: Mapping[str, Any]  # of its recipe
    model: Model
    seconds: float
    ask: Mapping[str, float]
    wish: Wish

    def table(self, part: str) -> Table:
        """The rows of a part: "train" (with val) or "test"."""
        table, test = read_input(
            self.fields["data"], test=self.fields.get("test"), target=self.model.schema.target.name, wish=self.wish
        )
        split = self.model.split
        assert split is not None, "a model that was just fitted knows its split"
        if part == "train":
            return table.take(split.train)
        return (table if test is None else test).take(split.test)


def _test(ran: Ran, metric: str) -> float:
    """A score of the network on its test rows."""
    return _value(ran.model.report.test, metric)


def _val(ran: Ran, metric: str) -> float:
    """A score on val rows, out of fold where there are folds."""
    return _value(ran.model.report.val, metric)


def _train(ran: Ran, metric: str) -> float:
    """A score on the rows that it learned from."""
    return _value(evaluate_model(ran.model, ran.table("train")).scores, metric)


def _low(ran: Ran, metric: str) -> float:
    """The lower end of a test score's 95 % interval."""
    return _found(ran.model.report.test, metric).low


def _high(ran: Ran, metric: str) -> float:
    """The upper end of a test score's 95 % interval."""
    return _found(ran.model.report.test, metric).high


def _baseline(ran: Ran, name: str, metric: str) -> float:
    """A score of a baseline on the same test rows."""
    return _value(_of(ran, name).scores, metric)


def _baseline_low(ran: Ran, name: str, metric: str) -> float:
    """The lower end of a baseline's 95 % interval."""
    return _found(_of(ran, name).scores, metric).low


def _baseline_high(ran: Ran, name: str, metric: str) -> float:
    """The upper end of a baseline's 95 % interval."""
    return _found(_of(ran, name).scores, metric).high


def _against(ran: Ran, name: str) -> float:
    """The network's mean squared error on test rows as a multiple of a baseline's."""
    return _test(ran, _MSE) / _value(_of(ran, name).scores, _MSE)


def _weight(ran: Ran, name: str) -> float:
    """What a linear network multiplies a column by, in raw units; `1` is its constant."""
    return _coefficient(ran.model.report.terms, name)


def _term(ran: Ran, baseline: str, name: str) -> float:
    """The coefficient of a term in a baseline's formula, 0 where it has none."""
    return _coefficient(_of(ran, baseline).terms, name)


def _terms(ran: Ran, baseline: str) -> str:
    """The names of the terms of a baseline's formula, sorted."""
    return " ".join(sorted(term.name for term in _of(ran, baseline).terms if term.coefficient))


def _formula(ran: Ran, baseline: str) -> str:
    """A baseline's formula; of the network where it is called `network`."""
    terms = ran.model.report.terms if baseline == "network" else _of(ran, baseline).terms
    return formula("y", terms)


def _degree(ran: Ran, column: str) -> float:
    """The largest power of a column in the polynomial baseline."""
    powers = [term.name.removeprefix(column).removeprefix("^") or "1" for term in _of(ran, "polynomial").terms]
    return max(float(power) for power in powers if power.isdigit())


def _note(ran: Ran, baseline: str) -> str:
    """What a baseline says of how it was set up."""
    return _of(ran, baseline).note


def _steps(ran: Ran, threshold: str) -> float:
    """After how many steps every member's val loss lay below a bound; inf where that never was."""
    report = ran.model.report
    assert report.history is not None, "every run keeps its learning curve"
    n_rows = report.n_rows["train"] if report.n_members == 1 else report.n_rows["train"] + report.n_rows["val"]
    n_epoch_steps = math.ceil(n_rows / int(ran.model.recipe.batch_size or n_rows))
    below = [max(losses) < float(threshold) for losses in report.history.val_loss]
    return (below.index(True) + 1) * n_epoch_steps if True in below else math.inf


def _epochs(ran: Ran) -> float:
    """How many epochs were trained."""
    history = ran.model.report.history
    return len(history.val_loss) if history else 0


def _loss(ran: Ran, epoch: str) -> float:
    """The train loss after an epoch, from 1; -1 is the last."""
    history = ran.model.report.history
    assert history is not None, "every run keeps its learning curve"
    place = int(epoch)
    return float(np.mean(history.train_loss[place - 1 if place > 0 else place]))


def _starts(ran: Ran) -> float:
    """How many starts (or values of a setting) were tried at once."""
    return len(ran.model.report.compared)


def _stuck(ran: Ran, threshold: str) -> float:
    """How many starts ended with a val loss above a bound."""
    return sum(not one.val_loss <= float(threshold) for one in ran.model.report.compared)


def _worst(ran: Ran) -> float:
    """The largest val loss that any start ended with."""
    return max(one.val_loss for one in ran.model.report.compared)


def _compared(ran: Ran, name: str, value: str) -> float:
    """The val loss that one value of a list of settings came to."""
    return next(one.val_loss for one in ran.model.report.compared if one.settings[name] == float(value))


def _kept(ran: Ran, name: str) -> float:
    """The val loss that the kept value of a list of settings came to."""
    return next(one.val_loss for one in ran.model.report.compared if one.is_kept and name in one.settings)


def _chosen(ran: Ran, name: str) -> Value:
    """The value that was kept of a setting."""
    value = next((one.value for one in ran.model.report.choices if one.name == name), getattr(ran.model.recipe, name))
    return float(value) if isinstance(value, int | float) else ",".join(map(str, value))


def _curvature(ran: Ran) -> float:
    """How strongly the loss bends in its steepest direction."""
    assert ran.model.report.curvature is not None, "curvature is measured of runs by sgd"
    return ran.model.report.curvature.largest


def _condition(ran: Ran) -> float:
    """How many times more the loss bends in its steepest direction than in its flattest."""
    assert ran.model.report.curvature is not None, "curvature is measured of runs by sgd"
    return ran.model.report.curvature.condition


def _lr_limit(ran: Ran) -> float:
    """The lr above which gradient descent diverges."""
    assert ran.model.report.curvature is not None, "curvature is measured of runs by sgd"
    return ran.model.report.curvature.lr_limit


def _seconds(ran: Ran, part: str = "training") -> float:
    """Seconds of training (or reading, evaluating, all)."""
    return ran.seconds if part == "all" else float(ran.model.report.seconds[part])


def _n_params(ran: Ran) -> float:
    """Trained numbers of one member."""
    return ran.model.report.n_params


def _notices(ran: Ran, words: str) -> float:
    """How many notices hold a word (`_` stands for a blank)."""
    return sum(words.replace("_", " ") in one.text for one in ran.model.report.notices)


def _rule(ran: Ran) -> float:
    """The share of test rows that a person's own program for the set gets right."""
    rule = rule_of(str(ran.fields["data"]))
    assert rule is not None, "the set comes with a rule"
    frame = ran.table("test").frame
    return float((rule(frame) == frame[ran.model.schema.target.name].to_numpy()).mean())


def _exact(ran: Ran) -> float:
    """The share of all rows, learned and held out, whose rounded answer is the target."""
    right = []
    for part in ("train", "test"):
        frame = ran.table(part).frame
        pred = ran.model.predict(frame).pred
        right.append(np.round(pred) == frame[ran.model.schema.target.name].to_numpy())
    return float(np.concatenate(right).mean())


def _again(ran: Ran) -> float:
    """What the saved model answers to the entry's row in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        run, rows = Path(folder) / "run", Path(folder) / "rows.csv"
        save_model(ran.model, run)
        pl.DataFrame({name: [value] for name, value in ran.ask.items()}).write_csv(rows)
        words = [sys.executable, "-m", "firesteel", "predict", str(run), str(rows), "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout)["rows"][0][ran.model.schema.target.name])


def _beside(ran: Ran, column: str, model: str = "network") -> float:
    """R2 of what is left of a made-up target once the part of one column is taken out of it."""
    frame = ran.table("test").frame
    y = frame[ran.model.schema.target.name].to_numpy().astype(np.float64)
    alone = made_up_target(str(ran.fields["data"]), frame, column=column)
    pred = ran.model.predict(frame).pred if model == "network" else _of(ran, model).answer
    assert pred is not None, "a baseline that was just fitted keeps its answers"
    rest = y - alone
    return float(1 - np.square(y - pred).sum() / np.square(rest - rest.mean()).sum())


def _share(ran: Ran, column: str) -> float:
    """The share of a made-up target's variance that the part of one column makes."""
    frame = ran.table("test").frame
    y = frame[ran.model.schema.target.name].to_numpy().astype(np.float64)
    rest = y - made_up_target(str(ran.fields["data"]), frame, column=column)
    return float(1 - rest.var() / y.var())


def _of_class(ran: Ran, name: str) -> float:
    """The share of a class among the test rows."""
    words = ran.table("test").frame[ran.model.schema.target.name].cast(pl.String).to_numpy()
    return float((words == name).mean())


def _n_pictures(ran: Ran, part: str) -> float:
    """How many pictures a part has."""
    table = ran.table(part)
    return len(table.pixels) if isinstance(table, Pictures) else 0


#: Every measure by its word.
MEASURES: Mapping[str, Callable[..., Value]] = {
    "test": _test,
    "val": _val,
    "train": _train,
    "low": _low,
    "high": _high,
    "baseline": _baseline,
    "baseline_low": _baseline_low,
    "baseline_high": _baseline_high,
    "against": _against,
    "weight": _weight,
    "term": _term,
    "terms": _terms,
    "formula": _formula,
    "degree": _degree,
    "note": _note,
    "steps": _steps,
    "epochs": _epochs,
    "loss": _loss,
    "starts": _starts,
    "stuck": _stuck,
    "worst": _worst,
    "compared": _compared,
    "kept": _kept,
    "chosen": _chosen,
    "curvature": _curvature,
    "condition": _condition,
    "lr_limit": _lr_limit,
    "seconds": _seconds,
    "n_params": _n_params,
    "notices": _notices,
    "rule": _rule,
    "exact": _exact,
    "again": _again,
    "beside": _beside,
    "share": _share,
    "of_class": _of_class,
    "n_pictures": _n_pictures,
}

BEST = "best"


def measure(runs: Mapping[str, Ran], words: str) -> Value:
    """What a measure gives for the runs of an entry. Raises RecipeError for a word that there is not."""
    run, colon, rest = words.partition(":")
    name, *given = (rest if colon else words).split()
    ran = _run_called(runs, run.strip()) if colon else next(iter(runs.values()))
    if name not in MEASURES:
        near = nearest(name, MEASURES)
        raise RecipeError(
            "a measure is one of the gallery's",
            found=f"there is no '{name}'",
            hint=f"did you mean {near[0]}?" if near else f"one of {', '.join(MEASURES)}",
        )
    return MEASURES[name](ran, *given)


def _run_called(runs: Mapping[str, Ran], name: str) -> Ran:
    if name != BEST:
        return runs[name]

    def val_loss(ran: Ran) -> float:
        report = ran.model.report
        found = _found(report.val, "log_loss" if report.classes else MAIN_METRIC[report.task])
        return found.value

    return min(runs.values(), key=val_loss)


def _of(ran: Ran, name: str) -> Baseline:
    return next(one for one in ran.model.report.baselines if one.name == name)


def _coefficient(terms: tuple[Term, ...], name: str) -> float:
    return next((term.coefficient for term in terms if term.name == name), 0.0)


def _value(scores: tuple[Score, ...], metric: str) -> float:
    return _found(scores, _RMSE).value ** 2 if metric == _MSE else _found(scores, metric).value


def _found(scores: tuple[Score, ...], metric: str) -> Score:
    """A score by its name; one that is not a number where it could not be measured."""
    nothing = Score(metric, math.nan, math.nan, math.nan, 0, True)
    return next((found for found in scores if found.name == metric), nothing)
