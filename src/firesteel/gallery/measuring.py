"""What can be asked of a run by name: `test accuracy`, `weight x`, `steps 1e-9`, `baseline svm accuracy`.

Measures read the report, or ask the model; nothing is typed in. A measure of another run than the first has its name in
front (`raw: test rmse`); `best:` stands for the run whose val loss is the least, among those that the entry
lets stand for it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from firesteel.errors import RecipeError, nearest
from firesteel.evaluation import MAIN_METRIC, Term, formula
from firesteel.gallery.asking import (
    against_degree,
    asked_again,
    beside_column,
    by_rule,
    exact_share,
    on_train,
    share_of_class,
    share_of_column,
    shown_once,
)
from firesteel.gallery.entries import Value
from firesteel.gallery.runs import MSE, Ran, baseline_of, score_of, value_of


def _test(ran: Ran, metric: str) -> float:
    """A score of the network on its test rows."""
    return value_of(ran.model.report.test, metric)


def _val(ran: Ran, metric: str) -> float:
    """A score on val rows, out of fold where there are folds."""
    return value_of(ran.model.report.val, metric)


def _low(ran: Ran, metric: str) -> float:
    """The lower end of a test score's 95 % interval."""
    return score_of(ran.model.report.test, metric).low


def _high(ran: Ran, metric: str) -> float:
    """The upper end of a test score's 95 % interval."""
    return score_of(ran.model.report.test, metric).high


def _baseline(ran: Ran, name: str, metric: str) -> float:
    """A score of a baseline on the same test rows."""
    return value_of(baseline_of(ran, name).scores, metric)


def _baseline_low(ran: Ran, name: str, metric: str) -> float:
    """The lower end of a baseline's 95 % interval."""
    return score_of(baseline_of(ran, name).scores, metric).low


def _baseline_high(ran: Ran, name: str, metric: str) -> float:
    """The upper end of a baseline's 95 % interval."""
    return score_of(baseline_of(ran, name).scores, metric).high


def _against(ran: Ran, name: str) -> float:
    """The network's mean squared error on test rows as a multiple of a baseline's."""
    return _test(ran, MSE) / value_of(baseline_of(ran, name).scores, MSE)


def _weight(ran: Ran, name: str) -> float:
    """What a linear network multiplies a column by, in raw units; `1` is its constant."""
    return _coefficient(ran.model.report.terms, name)


def _term(ran: Ran, baseline: str, name: str) -> float:
    """The coefficient of a term in a baseline's formula, 0 where it has none."""
    return _coefficient(baseline_of(ran, baseline).terms, name)


def _terms(ran: Ran, baseline: str) -> str:
    """The names of the terms of a baseline's formula, sorted."""
    return " ".join(sorted(term.name for term in baseline_of(ran, baseline).terms if term.coefficient))


def _formula(ran: Ran, baseline: str) -> str:
    """A baseline's formula; of the network where it is called `network`."""
    terms = ran.model.report.terms if baseline == "network" else baseline_of(ran, baseline).terms
    return formula("y", terms)


def _degree(ran: Ran, column: str) -> float:
    """The largest power of a column in the polynomial baseline."""
    powers = [term.name.removeprefix(column).removeprefix("^") or "1" for term in baseline_of(ran, "polynomial").terms]
    return max(float(power) for power in powers if power.isdigit())


def _note(ran: Ran, baseline: str) -> str:
    """What a baseline says of how it was set up."""
    return baseline_of(ran, baseline).note


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


def _val_loss(ran: Ran, epoch: str) -> float:
    """The val loss after an epoch, from 1; -1 is the last."""
    history = ran.model.report.history
    assert history is not None, "every run keeps its learning curve"
    place = int(epoch)
    return float(np.mean(history.val_loss[place - 1 if place > 0 else place]))


def _starts(ran: Ran) -> float:
    """How many starts (or values of a setting) were tried at once."""
    return len(ran.model.report.compared)


def _stuck(ran: Ran, threshold: str) -> float:
    """How many starts never had a val loss as low as a bound."""
    return sum(not one.val_loss <= float(threshold) for one in ran.model.report.compared)


def _worst(ran: Ran) -> float:
    """The largest of the starts' best val losses."""
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


#: Every measure by its word.
MEASURES: Mapping[str, Callable[..., Value]] = {
    "test": _test,
    "val": _val,
    "train": on_train,
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
    "val_loss": _val_loss,
    "shown": shown_once,
    "against_degree": against_degree,
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
    "rule": by_rule,
    "exact": exact_share,
    "again": asked_again,
    "beside": beside_column,
    "share": share_of_column,
    "of_class": share_of_class,
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
        found = score_of(report.val, "log_loss" if report.classes else MAIN_METRIC[report.task])
        return found.value

    return min((ran for ran in runs.values() if ran.is_candidate), key=val_loss)


def _coefficient(terms: tuple[Term, ...], name: str) -> float:
    return next((term.coefficient for term in terms if term.name == name), 0.0)
