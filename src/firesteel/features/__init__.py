"""Columns to two dense arrays: `x_num` (NaN = missing) and `x_cat` (0 = unknown); fitted on training rows only.

    fitting.py    which encoding each column gets, from the training rows
    encoding.py   the rows of any table, encoded in the same way
    numbers.py    numeric and boolean columns
    times.py      date-time columns
    words.py      categorical columns
    pixels.py     pictures, as rows of grey levels

What a net needs beyond that (imputing, scaling, one-hot, embedding) is layers: see `firesteel.nets`.
"""

from __future__ import annotations

from firesteel.features.encoding import Batch, Features
from firesteel.features.fitting import fit_features
from firesteel.features.numbers import NumberColumn
from firesteel.features.oddities import Oddity, sum_oddities
from firesteel.features.pixels import PictureFeatures, fit_pictures

__all__ = [
    "Batch",
    "Features",
    "NumberColumn",
    "Oddity",
    "PictureFeatures",
    "fit_features",
    "fit_pictures",
    "sum_oddities",
]
