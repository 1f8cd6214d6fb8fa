"""What training does where the recipe says nothing: each value a choice with its reason."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from firesteel.errors import RecipeError
from firesteel.nets import LOSSES, Loss
from firesteel.recipe import PER_MEMBER, Choice, Recipe, Task
from firesteel.training.loop import Plan
from firesteel.training.optimizers import OPTIMIZERS

#: Up to so many rows five fold-members train at once; above, one val part of the rows says enough.
N_FOLD_ROWS = 20_000
N_FOLDS = 5

#: Steps of a run: half the rows, within these bounds. Classes are learned by heart sooner than amounts: on adult
#: 1,400 steps reached a test log loss of .3095 and 5,000 steps .3154; diamonds still fell a little after 3,000.
N_STEPS_MIN = 400
N_STEPS_MAX = {"regression": 3_000, "binary": 1_500, "multiclass": 1_500}

#: Rows of a batch: an eighth of the rows, within these bounds; small tables gain from the noise of small batches.
BATCH_MIN, BATCH_MAX = 16, 256

EPOCHS_MIN = 10

#: Source: RealMLP, arXiv 2407.04491, table A.1 (0.999 costs 2 % / 23 % of error there).
BETA2 = 0.95

LR = {"sgd": 0.05, "adam": 0.003, "adamw": 0.003, "soap": 0.003, "rmsprop": 0.001, "sign": 0.001}
WEIGHT_DECAY = 0.02

#: A linear net for an amount bears and needs longer steps than a deep one: after 400 of lr .003 it was still on its way
#: (R2 of an exact line .903; with lr .05 1.000; val RMSE of mpg 3.57 and 3.46). For classes it gained nothing (val log
#: loss of german .476 and .484).
LR_LINEAR = 0.05

#: Source: RealMLP for amounts. With twice as much, val log loss fell on horse-colic (.453 to .445) and digits (.066 to
#: .064) and was level on adult; the val error of mpg rose.
DROPOUT = {"regression": 0.15, "binary": 0.3, "multiclass": 0.3}

#: Of the labels of small tables so much is spread over all classes: val log loss fell on each of six tables (sonar .33
#: to .30, titanic .4154 to .4115); what it does to the probabilities the temperature, fitted on val rows, undoes.
LABEL_SMOOTHING = 0.05

#: Waits for a better val loss before giving up, as a share of all epochs: the schedule must be able to do its work.
PATIENCE_SHARE = 1 / 3
PATIENCE_MIN = 10

TASK_LOSS = {"regression": "mse", "binary": "binary_cross_entropy", "multiclass": "cross_entropy"}
ALLOWED_LOSSES = {
    "regression": ("mse", "mae", "huber"),
    "binary": ("binary_cross_entropy", "cross_entropy"),
    "multiclass": ("cross_entropy",),
}


@dataclass(frozen=True)
class Settings:
    """Everything training needs to know but the net: the plan, how many members, which value each has."""

    plan: Plan
    n_folds: int
    #: What differs from value to value, by name; {} when nothing is compared.
    compared: dict[str, tuple[float, ...]]
    choices: tuple[Choice, ...]

    @property
    def n_values(self) -> int:
        return max((len(values) for values in self.compared.values()), default=1)

    def members_of(self, value: int) -> list[int]:
        """The fold-members that train with this value of the compared settings."""
        return list(range(value * self.n_folds, (value + 1) * self.n_folds))


#: Values of settings by name, each with its reason.
Usual: TypeAlias = Mapping[str, tuple[Any, str]]


class _Choosing:
    """Collects the choices: what the recipe asks for is taken, the rest is chosen and its reason kept."""

    def __init__(self, recipe: Recipe, usual: Usual) -> None:
        self.recipe, self.usual = recipe, usual
        self.choices: list[Choice] = []

    def pick(self, name: str, value: Any, reason: str) -> Any:
        asked = getattr(self.recipe, name)
        if asked is not None:
            return asked
        value, reason = self.usual.get(name, (value, reason))
        self.choices.append(Choice(name, value, reason))
        return value


def choose_folds(recipe: Recipe, *, n_rows: int, is_by_time: bool, is_own_net: bool) -> Choice:
    """How many fold-members; `n_rows` are the rows that are not test rows."""
    if recipe.members is not None and recipe.members > 1 and is_by_time:
        raise RecipeError(
            "a split by time trains one member, whose val rows are newer than its training rows",
            found=f"members is {recipe.members}",
            hint="leave members out, or split at random, without time",
        )
    if recipe.val == "train":
        return _no_folds(recipe)
    if recipe.members is not None:
        return Choice("members", recipe.members, "you asked for it")
    if is_own_net:
        return Choice("members", 1, "your own net is trained as it is, once")
    if is_by_time:
        return Choice("members", 1, "a split by time has val rows that are newer than the training rows")
    if n_rows > N_FOLD_ROWS:
        return Choice("members", 1, f"{n_rows:,} rows; above {N_FOLD_ROWS:,} one val part says enough")
    reason = f"{n_rows:,} rows: {N_FOLDS} nets, each judged on the fold it did not see, answer with their average"
    return Choice("members", N_FOLDS, reason)


def _no_folds(recipe: Recipe) -> Choice:
    if (recipe.members or 1) > 1:
        raise RecipeError(
            "fold-members choose the best epoch on rows that they do not learn from",
            found=f"members is {recipe.members}, and val is 'train'",
            hint="leave members or val out",
        )
    return Choice("members", 1, "every row trains: there is no fold to leave out")


def choose_settings(
    recipe: Recipe, *, task: Task, d_out: int, n_rows: int, n_folds: int, usual: Usual | None = None
) -> Settings:
    """The plan for `n_rows` training rows (of one member). Raises RecipeError for settings that do not go together.

    `usual` are the values of settings that the recipe leaves open, where they are not those for columns.
    """
    choosing = _Choosing(recipe, usual or {})
    optimizer = choosing.pick("optimizer", "adamw", "robust to the scale of the gradients, decays weights on the side")
    batch_size = min(BATCH_MAX, max(BATCH_MIN, n_rows // 8))
    batch_size = choosing.pick(
        "batch_size", batch_size, f"an eighth of {n_rows:,} rows, from {BATCH_MIN} to {BATCH_MAX}"
    )
    n_epoch_steps = math.ceil(n_rows / batch_size)
    n_steps = min(N_STEPS_MAX[task], max(N_STEPS_MIN, n_rows // 2))
    epochs = max(EPOCHS_MIN, round(n_steps / n_epoch_steps))
    epochs = choosing.pick(
        "epochs", epochs, f"about {n_steps:,} steps of {n_epoch_steps} an epoch, at least {EPOCHS_MIN}"
    )
    patience = max(PATIENCE_MIN, round(epochs * PATIENCE_SHARE))
    patience = choosing.pick("patience", patience, f"a third of the epochs, {PATIENCE_MIN} or more: lr must fall")
    schedule = choosing.pick("schedule", "cosine", "lr falls to 0 along half a cosine; a constant one costs accuracy")
    settings = {
        "lr": _choose_lr(choosing, optimizer, task=task),
        "weight_decay": _choose_decay(choosing, optimizer, task=task),
        "dropout": choosing.pick("dropout", 0.0 if recipe.net == "linear" else DROPOUT[task], _dropout_reason(recipe)),
        "label_smoothing": _choose_smoothing(choosing, task=task, n_rows=n_rows),
        "seed": recipe.seed,
    }
    loss = choosing.pick("loss", TASK_LOSS[task], f"the loss of a {task} task")
    _check(recipe, task=task, loss=loss, optimizer=optimizer)
    compared = _compared(settings)
    n_values = max((len(values) for values in compared.values()), default=1)
    members = {name: _spread(value, n_values, n_folds) for name, value in settings.items()}
    seeds = tuple(seed + fold for seed, fold in zip(members["seed"], list(range(n_folds)) * n_values, strict=True))
    plan = Plan(
        _loss(loss, d_out=d_out),
        _loss(TASK_LOSS[task] if d_out == 1 else "cross_entropy", d_out=d_out),
        optimizer,
        schedule,
        lr=members["lr"],
        weight_decay=members["weight_decay"],
        dropout=members["dropout"],
        label_smoothing=members["label_smoothing"],
        seeds=seeds,
        seed=first_seed(recipe),
        batch_size=batch_size,
        epochs=epochs,
        patience=patience,
        momentum=recipe.momentum or 0.0,
        nesterov=recipe.nesterov,
        betas=(0.9, BETA2),
        ema=choosing.pick("ema", 0.0, "") if "ema" in choosing.usual else recipe.ema or 0.0,
        n_folds=n_folds,
    )
    return Settings(plan, n_folds, compared, tuple(choosing.choices))


def n_outputs(recipe: Recipe, *, task: Task, n_classes: int) -> int:
    """Numbers that the net answers with: one, or one per class."""
    if task == "multiclass" or (task == "binary" and recipe.loss == "cross_entropy"):
        return n_classes
    return 1


def first_seed(recipe: Recipe) -> int:
    """The run's seed: of the split and the batch order, also where every member has its own."""
    return recipe.seed if isinstance(recipe.seed, int) else recipe.seed[0]


def _compared(settings: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    lists = {name: value for name, value in settings.items() if isinstance(value, tuple)}
    lengths = {name: len(values) for name, values in lists.items()}
    if len(set(lengths.values())) > 1:
        raise RecipeError(
            "lists of settings go together value by value, so they must be equally long",
            found=", ".join(f"{name} has {n}" for name, n in lengths.items()),
            hint=f"as many values in each of {', '.join(lengths)}, or a list for one of them only",
        )
    return {name: lists[name] for name in PER_MEMBER if name in lists and len(lists[name]) > 1}


def _spread(value: Any, n_values: int, n_folds: int) -> tuple[Any, ...]:
    """One value per member: all folds of the first value, then all folds of the second, ..."""
    values = value if isinstance(value, tuple) else (value,)
    if len(values) == 1:
        values = values * n_values
    return tuple(item for item in values for _ in range(n_folds))


def _choose_lr(choosing: _Choosing, optimizer: str, *, task: Task) -> Any:
    recipe = choosing.recipe
    is_scaled = recipe.scaling != "none" and recipe.bias
    if recipe.net == "linear" and is_scaled and task == "regression" and optimizer in ("adam", "adamw"):
        return choosing.pick("lr", LR_LINEAR, "a linear net over scaled columns bears long steps")
    return choosing.pick("lr", LR[optimizer], f"a sane start for {optimizer}; --lr 0.001,0.003,0.01 measures it")


def _choose_decay(choosing: _Choosing, optimizer: str, *, task: Task) -> Any:
    if choosing.recipe.net == "linear" and task == "regression":
        return choosing.pick("weight_decay", 0.0, "a linear net for an amount has few weights to hold back")
    return choosing.pick(
        "weight_decay", WEIGHT_DECAY if optimizer in ("adamw", "soap") else 0.0, "a light pull towards 0"
    )


def _dropout_reason(recipe: Recipe) -> str:
    if recipe.net == "linear":
        return "a linear net has no hidden values to drop"
    return "hides a few values at each step, against learning by heart"


def _loss(word: str, *, d_out: int) -> Loss:
    return LOSSES[word](d_out)


def _choose_smoothing(choosing: _Choosing, *, task: Task, n_rows: int) -> Any:
    if task == "regression":
        return choosing.recipe.label_smoothing or 0.0
    if n_rows > N_FOLD_ROWS:
        return choosing.pick("label_smoothing", 0.0, "enough rows to learn the labels as they are")
    reason = "small tables gain by it; what it does to the probabilities, a temperature undoes (from 100 val rows on)"
    return choosing.pick("label_smoothing", LABEL_SMOOTHING, reason)


def _check(recipe: Recipe, *, task: Task, loss: str, optimizer: str) -> None:
    if loss not in ALLOWED_LOSSES[task]:
        raise RecipeError(
            f"a {task} task trains with {' or '.join(ALLOWED_LOSSES[task])}",
            found=f"loss '{loss}' was asked for",
            hint=f"--loss {TASK_LOSS[task]}, or --task regression when the target is a quantity",
        )
    if task == "regression" and recipe.label_smoothing:
        raise RecipeError("label smoothing is for classes", found="the task is a regression", hint="leave it out")
    if task == "regression" and recipe.class_weights != "none":
        raise RecipeError("class weights are for classes", found="the task is a regression", hint="leave them out")
    if recipe.nesterov and not (optimizer == "sgd" and recipe.momentum):
        raise RecipeError(
            "nesterov needs sgd with momentum",
            found=f"optimizer '{optimizer}', momentum {recipe.momentum or 0}",
            hint="--optimizer sgd --momentum 0.9 --nesterov",
        )
    if recipe.momentum and optimizer not in {"sgd", "rmsprop"}:
        raise RecipeError("momentum is for sgd and rmsprop", found=f"optimizer '{optimizer}'", hint="--optimizer sgd")


assert set(LR) == set(OPTIMIZERS), "every optimizer has its lr"
