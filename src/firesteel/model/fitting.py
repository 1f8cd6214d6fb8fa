"""From a table, its schema, its split and a recipe to a trained population: features, net, training, the best of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from firesteel.data import Schema, Split, Table, fold_rows
from firesteel.errors import DataError, RecipeError, TrainingError
from firesteel.evaluation import Answer, temperature
from firesteel.features import Features, fit_features
from firesteel.model.readout import Readout
from firesteel.nets import (
    Columns,
    ModulePopulation,
    ModuleSource,
    Net,
    Population,
    build_net,
    fit_state,
    input_net,
    make_module,
    set_dropout,
    start_population,
)
from firesteel.recipe import Choice, Recipe
from firesteel.training import (
    Checkpoint,
    Observer,
    Rows,
    Run,
    Settings,
    choose_folds,
    choose_settings,
    first_seed,
    fold_rows_of,
    n_outputs,
    train,
)

#: Offered where training diverged: a tenth of what diverged, and never more than what trains nearly every net.
SANE_LR = 1e-3

#: Fewer val rows than this say too little about how sure the net should be.
N_TEMPERATURE_ROWS = 100

#: The least standard deviation of a target whose squared errors float64 can tell from 0.
SPREAD_MIN = 1e-100

#: What the recipe says of firesteel's own layers, and so not of a user's module.
OF_OUR_LAYERS = ("d_hidden", "activation", "norm", "periodic", "dropout")

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

    features: Features
    readout: Readout
    population: Population
    run: Run
    judged: Judged
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Material:
    """The rows that are not test rows, encoded: train rows first, then val rows."""

    features: Features
    rows: np.ndarray  # row numbers of the table
    n_train: int
    x_num: np.ndarray
    x_cat: np.ndarray
    y: np.ndarray  # class codes, or numbers in the target's units
    folds: np.ndarray | None  # (n_rows,), None for a single val part

    @property
    def n_folds(self) -> int:
        return 1 if self.folds is None else int(self.folds.max()) + 1

    @property
    def n_learned(self) -> int:
        """Rows that one member learns from."""
        return self.n_train if self.folds is None else round(len(self.rows) * (1 - 1 / self.n_folds))


def gather_material(
    recipe: Recipe, table: Table, *, schema: Schema, split: Split, is_own_net: bool = False
) -> tuple[Material, list[Choice]]:
    """Encode the training rows; folds are drawn where the recipe or the number of rows asks for them."""
    rows = np.concatenate([split.train, split.val])
    chosen = choose_folds(recipe, n_rows=len(rows), is_by_time=recipe.time is not None, is_own_net=is_own_net)
    folds = None
    if chosen.value > 1:
        seed = first_seed(recipe)
        folds = fold_rows(table, schema, split=split, n_folds=chosen.value, seed=seed, group=recipe.group)
    n_train = len(split.train)
    fitted_on = rows if folds is not None else rows[:n_train]
    features = fit_features(schema, table.frame[fitted_on], dtype=recipe.dtype)
    frame = table.frame[rows]
    batch = features.encode(frame)
    y = features.encode_target(frame).copy()  # polars lends its memory for reading only
    return Material(features, rows, n_train, batch.x_num, batch.x_cat, y, folds), (
        [chosen] if recipe.members is None else []
    )


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
    target = material.features.target
    d_out = n_outputs(recipe, task=target.task, n_classes=len(target.classes))
    settings = choose_settings(
        recipe, task=target.task, d_out=d_out, n_rows=material.n_learned, n_folds=material.n_folds
    )
    readout = _standardise(material)
    population, net_choices = _start(recipe, material, settings, d_out=d_out, source=net)
    train_rows, val_rows = _rows(recipe, material, population, readout, settings)
    run = train(
        population,
        train_rows,
        val=val_rows,
        plan=settings.plan,
        observer=observer,
        checkpoint=None if checkpoint is None else Checkpoint(checkpoint, run_key),
        threads=recipe.threads or 1,
    )
    best, compared = _choose_value(settings, run, task=target.task)
    members = settings.members_of(best)
    kept = population.pick(members, _with_rate(population, settings, members))
    run = run.pick(members)
    z = _val_logits(kept, val_rows, material, members)
    readout, calibrated = _calibrate(readout, z, material)
    judged = _judge(readout, z, material)
    ours = (*settings.choices, *net_choices, *compared, *calibrated)
    choices = ours if net is None else tuple(choice for choice in ours if choice.name not in OF_OUR_LAYERS)
    return Fitted(material.features, readout, kept, run, judged, choices)


def _standardise(material: Material) -> Readout:
    task = material.features.target.task
    if task != "regression":
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


def _start(
    recipe: Recipe, material: Material, settings: Settings, *, d_out: int, source: ModuleSource | None
) -> tuple[Population, tuple[Choice, ...]]:
    """A fresh population: of firesteel's layers, or one member around the user's module."""
    fitted_on = slice(None) if material.folds is not None else slice(material.n_train)
    x_num, x_cat = torch.from_numpy(material.x_num[fitted_on]), torch.from_numpy(material.x_cat[fitted_on])
    missing = tuple(np.flatnonzero(np.isnan(material.x_num[fitted_on]).any(axis=0)).tolist())
    columns = Columns(material.x_num.shape[1], missing, material.features.n_levels)
    dtype = getattr(torch, recipe.dtype)
    device = choose_device(recipe)
    plan = settings.plan
    if source is None:
        net, choices = build_net(recipe, columns, d_out=d_out, n_rows=material.n_learned, dropout=max(plan.dropout))
        fitted = fit_state(net, x_num=x_num, x_cat=x_cat)
        return start_population(net, plan.seeds, fitted=fitted, dtype=dtype, device=device), choices
    if len(plan.seeds) > 1:
        raise RecipeError(
            "your own net is trained as a single member",
            found=f"{len(plan.seeds)} members were asked for (folds, or a list of settings)",
            hint="members=1 and one value for each setting",
        )
    asked = [name for name in OF_OUR_LAYERS if getattr(recipe, name) is not None]
    if asked:
        raise RecipeError(
            "your own net has layers of its own",
            found=f"{' and '.join(asked)} would change them",
            hint=f"leave {' and '.join(asked)} out, and write it into your module",
        )
    net = input_net(columns)
    module = make_module(source, d_in=net.d_dense, d_out=d_out)
    fitted = fit_state(net, x_num=x_num, x_cat=x_cat)
    population = ModulePopulation(net, module, fitted=fitted, dtype=dtype, device=device)
    return population, (Choice("net", type(module).__name__, "your own module"),)


def choose_device(recipe: Recipe) -> torch.device:
    """The device that the recipe names, or CUDA where there is one. Raises RecipeError for one that is not there."""
    word = recipe.device
    if word == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    known = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    if word not in {*known, *(["cuda"] if len(known) > 1 else [])}:
        raise RecipeError(
            "a device must be there", found=f"'{word}' is not among {', '.join(known)}", hint="--device cpu"
        )
    return torch.device(word)


def _rows(
    recipe: Recipe, material: Material, population: Population, readout: Readout, settings: Settings
) -> tuple[Rows, Rows]:
    """Train and val rows for every member."""
    weights = population.weights
    x_num = torch.from_numpy(material.x_num).to(weights.device, weights.dtype)
    x_cat = torch.from_numpy(material.x_cat).to(weights.device)
    y = torch.from_numpy(material.y).to(weights.device)
    if readout.task == "regression":
        y = ((y - readout.centre) / readout.scale).to(weights.dtype)
    weight = None
    if recipe.class_weights == "balanced":
        counts = torch.bincount(y, minlength=len(material.features.target.classes))
        weight = (len(y) / (len(counts) * counts.clamp_min(1)))[y].to(weights.dtype).unsqueeze(-1)  # (n_rows, 1)
    rows = Rows(population.prepare(x_num, x_cat), y, weight)
    if material.folds is not None:
        members = np.tile(np.arange(settings.n_folds), settings.n_values)
        return fold_rows_of(rows, material.folds, members=members, dtype=weights.dtype)
    places = torch.arange(len(y), device=weights.device)
    return rows.take(places[: material.n_train]), rows.take(places[material.n_train :])


def _choose_value(settings: Settings, run: Run, *, task: str) -> tuple[int, tuple[Choice, ...]]:
    """Which value of the compared settings is best on val, and the comparison as a choice."""
    losses = np.array(run.best_val_loss).reshape(settings.n_values, settings.n_folds)  # inf = diverged
    means = losses.mean(axis=1)
    best = int(means.argmin())
    if not np.isfinite(means[best]):
        lr = min(settings.plan.lr)
        raise TrainingError(
            "training must reach a val loss that is a number",
            found=f"every net diverged with lr {lr:g} (the loss grew beyond all numbers)",
            hint=f"--lr {min(lr / 10, SANE_LR):g}",
        )
    if not settings.compared:
        return best, ()
    measure = "val mean squared error (standardised)" if task == "regression" else "val log loss"
    choices = []
    for name, values in settings.compared.items():
        spoken = ", ".join(f"{_spoken(mean)} with {value:g}" for value, mean in zip(values, means, strict=True))
        choices.append(Choice(name, values[best], f"best of {len(values)} on val rows: {measure} {spoken}"))
    return best, tuple(choices)


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
        places = np.arange(material.n_train, len(material.rows))
        return places, np.zeros(len(places), dtype=np.int64)
    places = np.concatenate([np.flatnonzero(material.folds == fold) for fold in range(material.n_folds)])
    return places, material.folds[places]


def _calibrate(readout: Readout, z: np.ndarray, material: Material) -> tuple[Readout, tuple[Choice, ...]]:
    """One temperature for all logits, where it makes the val log loss smaller."""
    if readout.task == "regression":
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
