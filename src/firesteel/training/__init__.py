"""The loop over a population of nets of one shape: batches in, best weights and history out."""

from firesteel.training.checkpoint import Checkpoint
from firesteel.training.curvature import measure_curvature
from firesteel.training.defaults import Settings, choose_folds, choose_settings, first_seed, n_outputs
from firesteel.training.loop import Observer, Plan, Sight, train
from firesteel.training.optimizers import OPTIMIZERS
from firesteel.training.picture_defaults import OVER_MAPS, choose_crew, choose_picture_folds, usual_for_pictures
from firesteel.training.precision import measure_precision
from firesteel.training.rows import Rows, batches, fold_rows_of, mean_loss
from firesteel.training.run import INTERRUPTED, Run
from firesteel.training.schedules import SCHEDULES

__all__ = [
    "INTERRUPTED",
    "OPTIMIZERS",
    "OVER_MAPS",
    "SCHEDULES",
    "Checkpoint",
    "Observer",
    "Plan",
    "Rows",
    "Run",
    "Settings",
    "Sight",
    "batches",
    "choose_crew",
    "choose_folds",
    "choose_picture_folds",
    "choose_settings",
    "first_seed",
    "fold_rows_of",
    "mean_loss",
    "measure_curvature",
    "measure_precision",
    "n_outputs",
    "train",
    "usual_for_pictures",
]
