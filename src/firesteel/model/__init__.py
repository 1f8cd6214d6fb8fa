"""A net with its features and schema: fitted, checked, saved, and asked.

material.py    table, schema, split and recipe -> the rows to learn from, encoded
fitting.py     the material -> a trained population; starting.py: a fresh one; views.py: how pictures are shown
checking.py    the test rows, read once -> a report
model.py       the model: rows in, answers out; readout.py: how logits become answers
answers.py     classes as the values that the training table held
unfinished.py  what is kept for --resume while a run is trained
saving.py      the run folder and back; folder.py: how a folder is written as a whole
records.py     a report read from a folder: whether it can be shown
linear_terms.py, tracing.py   what a net of few columns is, and how it runs
noticing.py    what all rooms noticed, for the report
seeing.py      what a net does with pictures, for the report
predicting.py  a whole file, part by part
"""

from firesteel.model.answers import label_type_of
from firesteel.model.checking import Evaluation, check_baselines, check_population, evaluate_model
from firesteel.model.fitting import Fitted, fit_population
from firesteel.model.folder import check_place
from firesteel.model.material import gather_material
from firesteel.model.model import Model, Prediction
from firesteel.model.noticing import gather_notices
from firesteel.model.predicting import Predictions, predict_file, predict_pictures, predict_table
from firesteel.model.readout import Readout
from firesteel.model.saving import load_model, save_model
from firesteel.model.unfinished import Unfinished, run_key_of

__all__ = [
    "Evaluation",
    "Fitted",
    "Model",
    "Prediction",
    "Predictions",
    "Readout",
    "Unfinished",
    "check_baselines",
    "check_place",
    "check_population",
    "evaluate_model",
    "fit_population",
    "gather_material",
    "gather_notices",
    "label_type_of",
    "load_model",
    "predict_file",
    "predict_pictures",
    "predict_table",
    "run_key_of",
    "save_model",
]
