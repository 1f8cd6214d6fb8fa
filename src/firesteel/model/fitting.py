"""From the material and a recipe to a trained population: net, training, the best of it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from firesteel.doctor import Diagnosis
from firesteel.errors import DataError, TrainingError
from firesteel.evaluation import Answer, Compared, Curvature, temperature
from firesteel.features import PictureFeatures
from firesteel.model.examining import watch_training
from firesteel.model.material import AnyFeatures, Material, as_read
from firesteel.model.readout import Readout
from firesteel.model.starting import OF_OUR_LAYERS, Started, name_net, start
from firesteel.nets import ModuleSource, Net, Population, choose_scaling, set_dropout
from firesteel.recipe import Choice, Recipe
from firesteel.training import (
    OVER_MAPS,
    Checkpoint,
    Observer,
    Rows,
    Run,
    Settings,
    choose_settings,
    fold_rows_of,
    measure_curvature,
    measure_precision,
    n_outputs,
    train,
    usual_for_pictures,
)

#: Offered where training diverged: a tenth of what diverged, and never more than what trains nearly every net.
SANE_LR = 1e-3

#: Fewer val rows than this say too little about how sure the net should be.
N_TEMPERATURE_ROWS = 100

#: The least standard deviation of a target whose squared errors float64 can tell from 0.
SPREAD_MIN = 1e-100

#: Temperatures nearer to 1 than this change no probability that anybody would notice.
TEMPERATURE_STEP = 0.01


@dataclass(frozen=True)
class Judged:
    """Answers on rows that the answering member never learned from: val rows, or out of fold."""

    rows: np.ndarray  # row numbers of the table
    y: np.ndarray
    answer: Answer
    member: np.ndarray  # which member answered


@dataclass(frozen=True)
class Fitted:
    """A trained population with all that a model needs."""

    features: AnyFeatures
    readout: Readout
    population: Population
    run: Run
    judged: Judged
    choices: tuple[Choice, ...]
    seconds: float  # of all trainings, pilots too
    curvature: Curvature | None = None
    compared: tuple[Compared, ...] = ()  # the values of a list of settings
    diagnosis: Diagnosis | None = None  # what the doctor says of the first steps


def fit_population(
    recipe: Recipe,
    material: Material,
    *,
    net: ModuleSource | None = None,
    observer: Observer | None = None,
    checkpoint: Path | None = None,
    run_key: str = "",
) -> Fitted:
    """Choose what the recipe leaves open, train, and keep the members with the best val loss.

    Raises: TrainingError when no member reached a finite val loss; RecipeError, NetError for what does not fit.
    """
    began = time.perf_counter()
    target = material.features.target
    d_out = n_outputs(recipe, task=target.task, n_classes=len(target.classes))
    recipe, named = name_net(recipe, material)
    named = named if net is None else ()
    settings = _settings(recipe, material, d_out=d_out, is_own_net=net is not None)
    readout = _standardise(material, scaling=choose_scaling(recipe).value, has_bias=recipe.bias)
    y = _targets(recipe, material, readout)
    started = start(recipe, material, settings, d_out=d_out, source=net, y=y)
    population = started.population
    train_rows, val_rows = _rows(recipe, material, population, y=y, settings=settings)
    kept = None if checkpoint is None else Checkpoint(checkpoint, run_key)
    with torch.random.fork_rng():  # PyTorch's layers draw weights, which ours then replace
        at_start = population.module(0)
    settings, measured = _choose_precision(recipe, settings, started, train_rows, kept)
    run = train(
        population,
        train_rows,
        val=val_rows,
        plan=settings.plan,
        observer=observer,
        checkpoint=kept,
        threads=1 if started.n_crew > 1 else recipe.threads or 1,
        n_crew=started.n_crew,
    )
    seconds = time.perf_counter() - began
    part = "val" if material.has_val else "train"
    if not np.isfinite(_losses_of_values(settings, run).min()):
        raise _diverged(settings, _curvature(recipe, population, train_rows, settings=settings, member=0))
    best, compared = _choose_value(settings, run, part=part, loss=_loss_word(readout))
    values = _compared(settings, run, best)
    members = settings.members_of(best)
    curvature = _curvature(recipe, population, train_rows, settings=settings, member=members[0])
    best_ones = population.pick(members, _with_rate(population, settings, members))
    run = run.pick(members)
    z = _val_logits(best_ones, val_rows, material, members)
    readout, calibrated = _calibrate(readout, z, material)
    judged = _judge(readout, z, material)
    ours = (*named, *settings.choices, *started.choices, *measured, *compared, *calibrated)
    choices = ours if net is None else tuple(choice for choice in ours if choice.name not in OF_OUR_LAYERS)
    x = as_read(material.x_num, population), torch.from_numpy(material.x_cat).to(y.device)
    diagnosis = watch_training(at_start, material, x=x, y=y.to(x[0].device), plan=settings.plan)
    return Fitted(material.features, readout, best_ones, run, judged, choices, seconds, curvature, values, diagnosis)


def _settings(recipe: Recipe, material: Material, *, d_out: int, is_own_net: bool) -> Settings:
    n_rows = material.n_learned
    is_picture = isinstance(material.features, PictureFeatures) and not is_own_net
    return choose_settings(
        recipe,
        task=material.features.target.task,
        d_out=d_out,
        n_rows=n_rows,
        n_folds=material.n_folds,
        usual=usual_for_pictures(recipe, n_rows=n_rows, d_in=material.x_num.shape[1]) if is_picture else None,
    )


def _losses_of_values(settings: Settings, run: Run) -> np.ndarray:
    """The val loss of each value of a list of settings `(n_values,)`, the mean over its folds; inf = diverged."""
    return np.asarray(np.array(run.best_val_loss).reshape(settings.n_values, settings.n_folds).mean(axis=1))


def _compared(settings: Settings, run: Run, best: int) -> tuple[Compared, ...]:
    """How far each value of a list of settings came."""
    losses = _losses_of_values(settings, run)
    return tuple(
        Compared(
            {name: values[i] for name, values in settings.compared.items()},
            float(losses[i]),
            run.best_epoch[settings.members_of(i)[0]],
            run.n_epochs,
            i == best,
        )
        for i in range(settings.n_values)
        if settings.compared
    )


def _curvature(
    recipe: Recipe, population: Population, rows: Rows, *, settings: Settings, member: int
) -> Curvature | None:
    """Of a run by gradient descent, whose lr it limits: a step multiplies an error by 1 - lr * curvature.

    Not of nets over maps, where so many gradients would take longer than training.
    """
    plan = settings.plan
    if plan.optimizer != "sgd" or population.needs_autograd or recipe.net in OVER_MAPS:
        return None
    largest, smallest = measure_curvature(population, rows, loss=plan.loss, member=member)
    return Curvature(largest, smallest, plan.momentum, plan.nesterov) if 0 < largest < math.inf else None


def _diverged(settings: Settings, curvature: Curvature | None) -> TrainingError:
    lr = min(settings.plan.lr)
    bound = "" if curvature is None else f"; at the start {curvature.sentence}"
    return TrainingError(
        "training must reach a val loss that is a number",
        found=f"every net diverged with lr {lr:g} (the loss grew beyond all numbers{bound})",
        hint=f"--lr {min(lr / 10, SANE_LR):g}",
    )


def _standardise(material: Material, *, scaling: str, has_bias: bool) -> Readout:
    """How answers become amounts again; the target stays where columns are not scaled, or 0 has to stay 0."""
    task = material.features.target.task
    if task != "regression" or scaling == "none" or not has_bias:
        return Readout(task)
    known = material.y if material.folds is not None else material.y[: material.n_train]
    largest = float(np.abs(known).max()) or 1.0
    centre, scale = float((known / largest).mean()) * largest, float((known / largest).std()) * largest
    if 0 < scale < SPREAD_MIN:
        raise DataError(
            f"a target must spread by {SPREAD_MIN:g} or more, so that squared errors are not 0",
            found=f"the standard deviation of '{material.features.target.name}' is {scale:.3g}",
            hint="write the target in another unit",
        )
    return Readout(task, centre=centre, scale=scale or 1.0)


def _targets(recipe: Recipe, material: Material, readout: Readout) -> torch.Tensor:
    """Class codes, or standardised numbers in the recipe's dtype."""
    y = torch.from_numpy(material.y)
    if readout.task != "regression":
        return y
    return ((y - readout.centre) / readout.scale).to(getattr(torch, recipe.dtype))


def _rows(
    recipe: Recipe, material: Material, population: Population, *, y: torch.Tensor, settings: Settings
) -> tuple[Rows, Rows]:
    """Train and val rows for every member."""
    weights = population.weights
    x_num = as_read(material.x_num, population)
    x_cat = torch.from_numpy(material.x_cat).to(weights.device)
    y = y.to(weights.device)
    weight = None
    if recipe.class_weights == "balanced":
        counts = torch.bincount(y, minlength=len(material.features.target.classes))
        weight = (len(y) / (len(counts) * counts.clamp_min(1)))[y].to(weights.dtype).unsqueeze(-1)  # (n_rows, 1)
    rows = Rows(population.prepare(x_num, x_cat), y, weight)
    if material.folds is not None:
        members = np.tile(np.arange(settings.n_folds), settings.n_values)
        return fold_rows_of(rows, material.folds, members=members, dtype=weights.dtype)
    return rows.part(0, material.n_train), rows.part(int(material.judged[0]), len(y))


def _choose_precision(
    recipe: Recipe, settings: Settings, started: Started, rows: Rows, checkpoint: Checkpoint | None
) -> tuple[Settings, tuple[Choice, ...]]:
    """The plan with the precision of feature maps; measured for nets that have any, in float32 and on a CPU."""
    weights = started.population.weights
    word = recipe.precision
    chosen: tuple[Choice, ...] = ()
    if word is None and recipe.net in OVER_MAPS and weights.dtype == torch.float32 and weights.device.type == "cpu":
        begun = None if checkpoint is None else checkpoint.precision()
        if begun is None:
            chosen = (measure_precision(started.population, rows, plan=settings.plan, n_crew=started.n_crew),)
        else:
            chosen = (Choice("precision", begun, "as the run began"),)
        word = chosen[0].value
    precision = torch.bfloat16 if word == "bfloat16" else None
    return replace(settings, plan=replace(settings.plan, precision=precision)), chosen


def _choose_value(settings: Settings, run: Run, *, part: str, loss: str) -> tuple[int, tuple[Choice, ...]]:
    """Which value of the compared settings is best on val, and the comparison as a choice."""
    means = _losses_of_values(settings, run)
    best = int(means.argmin())
    if not settings.compared:
        return best, ()
    choices = []
    for name, values in settings.compared.items():
        spoken = ", ".join(f"{_spoken(mean)} with {value:g}" for value, mean in zip(values, means, strict=True))
        choices.append(Choice(name, values[best], f"best of {len(values)} on {part} rows: {part} {loss} {spoken}"))
    return best, tuple(choices)


def _loss_word(readout: Readout) -> str:
    if readout.task != "regression":
        return "log loss"
    return "mean squared error" + ("" if readout == Readout(readout.task) else " (standardised)")


def _spoken(loss: float) -> str:
    return f"{loss:.4g}" if np.isfinite(loss) else "none (diverged)"


def _with_rate(population: Population, settings: Settings, members: list[int]) -> Net:
    """The net as these members trained it: with their dropout rate."""
    return set_dropout(population.net, settings.plan.dropout[members[0]])


def _val_logits(kept: Population, val: Rows, material: Material, members: list[int]) -> np.ndarray:
    """What the kept members say of their own val rows, in the order of `_judged_rows`: `(n, d_out)`."""
    if material.folds is None:
        return np.asarray(kept.answers(val.inputs)[0].double().cpu().numpy())
    index = torch.tensor(members, device=kept.weights.device)
    inputs = tuple(x.index_select(0, index) for x in val.inputs) if len(members) > 1 else val.inputs
    z = kept.answers(inputs).double().cpu().numpy()  # (k, longest, d_out)
    places = [np.flatnonzero(material.folds == fold) for fold in range(material.n_folds)]
    return np.concatenate([z[fold, : len(place)] for fold, place in enumerate(places)])


def _judged_rows(material: Material) -> tuple[np.ndarray, np.ndarray]:
    """Places of the judged rows in the material, and the member that judges each."""
    if material.folds is None:
        return material.judged, np.zeros(len(material.judged), dtype=np.int64)
    places = np.concatenate([np.flatnonzero(material.folds == fold) for fold in range(material.n_folds)])
    return places, material.folds[places]


def _calibrate(readout: Readout, z: np.ndarray, material: Material) -> tuple[Readout, tuple[Choice, ...]]:
    """One temperature for all logits, where it makes the val log loss smaller."""
    if readout.task == "regression" or not material.has_val:
        return readout, ()
    places, _ = _judged_rows(material)
    if len(places) < N_TEMPERATURE_ROWS:
        return readout, ()
    value = float(temperature(z if z.shape[1] > 1 else z[:, 0], material.y[places]))
    if abs(value - 1) < TEMPERATURE_STEP:
        return readout, ()
    side = "too sure of itself" if value > 1 else "not sure enough"
    reason = f"on {len(places):,} val rows the net was {side}; logits are divided by it"
    return Readout(readout.task, temperature=value), (Choice("temperature", round(value, 3), reason),)


def _judge(readout: Readout, z: np.ndarray, material: Material) -> Judged:
    places, member = _judged_rows(material)
    answer = readout.of_members(torch.from_numpy(z)).numpy()
    order = np.argsort(places)
    return Judged(material.rows[places][order], material.y[places][order], answer[order], member[order])
