"""Firesteel: from data to a neural network that is trained, checked, explained, and yours in plain PyTorch.

    api/          the verbs; the only place where rooms meet
    cli/          words to api calls, results to text; no logic
    errors.py     every exception, the tree drawn at the top
    recipe.py     what was asked for: one validated description of a whole run, as TOML
    data/         read tables, name each column's kind, split the rows
    features/     columns to tensors; fitted on training rows only
    nets/         layers, each written once (forward, gradient, torch module, NumPy lines), and nets made of them
    training/     the loop over a population of nets of one shape: batches in, best weights and history out
    evaluation/   metrics with intervals, classical baselines, calibration, importances, figures, the page
    model/        net + features + schema, in memory and on disk; predict
    doctor/       silent bugs in anyone's training; knows no other room
    gallery/      worked examples: a recipe and what it must reach, each

Data flows through them in that order: Table -> Schema -> Split -> Features -> Batch -> Net -> Run -> Report -> Model.
The names below are loaded on first use: importing firesteel does not import torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firesteel.api import evaluate, explain, fit, load, predict, read, save, show
    from firesteel.data import Table
    from firesteel.doctor import watch
    from firesteel.errors import DataError, FiresteelError, ModelError, NetError, RecipeError, TrainingError
    from firesteel.model import Model
    from firesteel.recipe import Recipe

    __version__: str

_HOMES = {
    "firesteel.api": ("evaluate", "explain", "fit", "load", "predict", "read", "save", "show"),
    "firesteel.data": ("Table",),
    "firesteel.doctor": ("watch",),
    "firesteel.errors": ("DataError", "FiresteelError", "ModelError", "NetError", "RecipeError", "TrainingError"),
    "firesteel.model": ("Model",),
    "firesteel.recipe": ("Recipe",),
}

__all__ = [
    "DataError",
    "FiresteelError",
    "Model",
    "ModelError",
    "NetError",
    "Recipe",
    "RecipeError",
    "Table",
    "TrainingError",
    "evaluate",
    "explain",
    "fit",
    "load",
    "predict",
    "read",
    "save",
    "show",
    "watch",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":  # looking it up takes longer than all else that importing firesteel does
        from importlib.metadata import version

        return version("firesteel")
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'firesteel' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
