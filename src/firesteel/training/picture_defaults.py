"""What training does with pictures where the recipe says nothing: each value with its reason."""

from __future__ import annotations

import os

from firesteel.recipe import Choice, Recipe
from firesteel.training.defaults import LR, N_FOLD_ROWS, Usual

#: Pictures that a run shows, each epoch's anew, within bounds of epochs: many pictures need to be seen less often.
N_SHOWN = {"linear": 200_000, "mlp": 250_000, "conv": 350_000, "resnet": 350_000}
EPOCHS = {"linear": (4, 60), "mlp": (5, 60), "conv": (7, 40), "resnet": (7, 40)}

BATCH = {"linear": 256, "mlp": 128, "conv": 128, "resnet": 128}
BATCH_MIN = 16

LR_ADAMW = {"linear": 0.003, "mlp": 0.003, "conv": 0.005, "resnet": 0.005}
#: A step of lr on each of d weights moves a linear net's answer by up to lr * d. On 12,288 numbers (cats) an lr of .003
#: reached 0.58 of the test pictures, .0002 0.66 to 0.70.
LINEAR_REACH = 2.4
DROPOUT = {"linear": 0.0, "mlp": 0.2, "conv": 0.2, "resnet": 0.0}

#: Of weights that change much from step to step the average of some 200 steps is steadier.
EMA = 0.995

#: Nets over maps train folds only for so few pictures: each fold costs a net.
N_FOLD_PICTURES = 1_000

#: A crew has at most so many threads: more get too few rows of a batch each.
N_CREW_MAX = 4

#: Nets that read maps: those that gain by a crew, averaged weights and less precision.
OVER_MAPS = ("conv", "resnet")


_DROPOUT_REASONS = {
    "linear": "a linear net has no hidden values to drop",
    "mlp": "hides a few values at each step, against learning by heart",
    "conv": "hides a few values before the last layer at each step, against learning by heart",
    "resnet": "the norms of batches are noise enough",
}


def usual_for_pictures(recipe: Recipe, *, n_rows: int, d_in: int) -> Usual:
    """The settings for `n_rows` training pictures of `d_in` numbers; `recipe.net` is named already."""
    net = recipe.net or "conv"
    batch = max(BATCH_MIN, min(BATCH[net], n_rows // 8))
    low, high = EPOCHS[net]
    epochs = min(high, max(low, round(N_SHOWN[net] / n_rows)))
    smoothing = 0.0 if n_rows > N_FOLD_ROWS else 0.05
    usual = {
        "batch_size": (batch, f"an eighth of {n_rows:,} pictures, from {BATCH_MIN} to {BATCH[net]}"),
        "epochs": (epochs, f"{n_rows:,} pictures; some {N_SHOWN[net]:,} are shown, in {low} to {high} epochs"),
        "patience": (epochs, "all epochs: lr must rise and fall"),
        "schedule": ("one_cycle", "lr rises for a third of the run and falls to 0; a start at full lr costs accuracy"),
        "dropout": (DROPOUT[net], _DROPOUT_REASONS[net]),
        "label_smoothing": (smoothing, "few pictures gain by it" if smoothing else "enough pictures to trust labels"),
    }
    if recipe.optimizer in (None, "adamw"):
        lr = min(LR_ADAMW[net], LINEAR_REACH / d_in) if net == "linear" else LR_ADAMW[net]
        usual["lr"] = (float(f"{lr:.2g}"), f"the peak of the cycle, sane for a {net} net; --lr 0.002,0.005 measures it")
    else:
        usual["lr"] = (LR[recipe.optimizer], f"a sane start for {recipe.optimizer}")
    if net in OVER_MAPS:
        usual["ema"] = (EMA, "judged and kept is the average of the weights over some 200 steps, which is steadier")
    return usual


def choose_picture_folds(recipe: Recipe, *, n_rows: int) -> Choice | None:
    """One net where folds would cost too much; None: as for columns. A net that is not named yet is a conv net."""
    if recipe.members is None and (recipe.net or "conv") in OVER_MAPS and n_rows > N_FOLD_PICTURES:
        return Choice("members", 1, f"{n_rows:,} pictures; above {N_FOLD_PICTURES:,} one net and one val part")
    return None


def choose_crew(recipe: Recipe) -> Choice:
    """How many threads share each step."""
    if recipe.threads is not None:
        return Choice("threads", recipe.threads, "you asked for it")
    has_affinity = hasattr(os, "sched_getaffinity")
    n_cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    n = min(n_cores, N_CREW_MAX)
    return Choice("threads", n, f"{n_cores} cores; each thread runs the net on its share of every batch")
