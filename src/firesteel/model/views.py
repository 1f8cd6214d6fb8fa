"""How training shows pictures: which changes help, measured by short trainings on some of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace

import numpy as np
import torch

from firesteel.model.material import Material
from firesteel.nets import Population, Views
from firesteel.recipe import Choice, Recipe
from firesteel.training import Plan, Rows, train

#: A pilot learns from so many pictures at most, for so many epochs, and is judged on val pictures.
N_PILOT_TRAIN, N_PILOT_VAL, N_PILOT_EPOCHS = 1_500, 1_000, 8
#: Fewer val pictures say nothing about a change.
N_PILOT_MIN = 100
#: A change must make the val loss smaller by this share to be kept.
GAIN_MIN = 0.03

#: What is tried, one after the other, each on top of what was kept.
MOVED = {
    "mlp": {"shift": 0.04, "rotate": 5.0, "scale": 0.05},
    "conv": {"shift": 0.07, "rotate": 10.0, "scale": 0.1},
    "resnet": {"shift": 0.07, "rotate": 10.0, "scale": 0.1},
}
FLIPPED, ERASED = {"flip": 0.5}, {"erase": 0.25}

#: A fresh population of one member that sees pictures so, and its plan.
Start = Callable[[Views], tuple[Population, Plan]]


def measure_views(
    recipe: Recipe, material: Material, *, start: Start, targets: torch.Tensor, n_crew: int
) -> tuple[Views, tuple[Choice, ...]]:
    """The changes that make the val loss of a pilot smaller; what the recipe asks for is taken as it is.

    Cost: up to four trainings of eight epochs on 1,500 pictures.
    """
    asked = {name: getattr(recipe, name) for name in asdict(Views()) if getattr(recipe, name) is not None}
    views = Views(**asked)
    net = recipe.net or "conv"
    tries = [{name: value for name, value in one.items() if name not in asked} for one in _tries(net)]
    tries = [one for one in tries if one]
    if not tries:
        return views, ()
    parts = _pilot_rows(material, targets)
    if parts is None:
        reason = f"under {N_PILOT_MIN} val pictures say too little about showing pictures in other ways"
        return views, tuple(Choice(name, 0.0, reason) for one in tries for name in one)
    best = _pilot(views, parts, recipe=recipe, start=start, n_crew=n_crew)
    choices = []
    for one in tries:
        loss = _pilot(replace(views, **one), parts, recipe=recipe, start=start, n_crew=n_crew)
        is_better = loss < best * (1 - GAIN_MIN)
        said = f"a pilot on {parts[0].n_rows:,} pictures: val loss {loss:.3g} with it, {best:.3g} without"
        if is_better:
            views, best = replace(views, **one), loss
        choices += [Choice(name, value if is_better else 0.0, said) for name, value in one.items()]
    return views, tuple(choices)


def _tries(net: str) -> list[dict[str, float]]:
    """A linear net gives each pixel one weight: it can learn nothing from moved pictures."""
    return [MOVED[net], FLIPPED, ERASED] if net in MOVED else []


def _pilot_rows(material: Material, y: torch.Tensor) -> tuple[Rows, Rows] | None:
    """Some training and val pictures, evenly spaced; None where there are too few."""
    n_rows = len(material.rows)
    is_val = np.arange(n_rows) >= material.n_train if material.folds is None else material.folds == 0
    places = [np.flatnonzero(~is_val), np.flatnonzero(is_val)]
    if len(places[1]) < N_PILOT_MIN:
        return None
    some = [place[:: -(-len(place) // n)] for place, n in zip(places, (N_PILOT_TRAIN, N_PILOT_VAL), strict=True)]
    train_rows, val_rows = (
        Rows((torch.from_numpy(np.ascontiguousarray(material.x_num[one])),), y[torch.from_numpy(one)]) for one in some
    )
    return train_rows, val_rows


def _pilot(views: Views, parts: tuple[Rows, Rows], *, recipe: Recipe, start: Start, n_crew: int) -> float:
    """The best val loss of a short training."""
    population, plan = start(views)
    epochs = min(recipe.epochs or N_PILOT_EPOCHS, N_PILOT_EPOCHS)
    plan = replace(plan, epochs=epochs, patience=epochs, ema=0.0, n_folds=1)
    device = population.weights.device
    train_rows, val_rows = (Rows(tuple(x.to(device) for x in part.inputs), part.y.to(device)) for part in parts)
    run = train(population, train_rows, val=val_rows, plan=plan, n_crew=n_crew)
    if run.ending == "interrupted":  # there is nothing worth keeping yet
        raise KeyboardInterrupt
    return run.best_val_loss[0]
