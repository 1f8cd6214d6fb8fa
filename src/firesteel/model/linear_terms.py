"""A linear network as the formula that it is."""

from __future__ import annotations

import numpy as np

from firesteel.evaluation import Term, term_name
from firesteel.features import Batch, Features
from firesteel.model.fitting import Fitted
from firesteel.model.material import Material
from firesteel.model.model import answers_of

#: Longer sums are read by nobody.
N_TERMS_MAX = 50
#: A constant of so few last digits of what the columns add is rounding.
ROUNDING_STEPS = 16
#: Standard deviations from the middle at which a net is asked whether it is still straight.
FAR = 30.0


def linear_terms(fitted: Fitted, material: Material) -> tuple[Term, ...]:
    """The constant and what each column is multiplied by, in raw units; () where there is no such formula.

    There is none for classes, words, missing values and columns that are bent on their way to the net. A sum of columns
    is known by its answers at 0 and one step along each column.
    """
    features, x = fitted.features, material.x_num
    n = x.shape[1]
    is_plain = isinstance(features, Features) and not features.target.classes and not features.cat_names
    if not is_plain or not 0 < n <= N_TERMS_MAX or np.isnan(x).any():
        return ()
    assert isinstance(features, Features)
    mean, spread = x.mean(axis=0, dtype=np.float64), x.std(axis=0, dtype=np.float64)
    asked = np.vstack([mean, mean + np.diag(np.where(spread > 0, spread, 1.0))]).astype(x.dtype)
    answers = answers_of(fitted.population, fitted.readout, Batch(asked, np.empty((n + 1, 0), dtype=np.int64), ()))
    steps = np.diag(asked[1:].astype(np.float64) - asked[0])
    slopes = (answers[1:] - answers[0]) / steps
    middle = asked[0].astype(np.float64)
    if not _is_linear(fitted, answers, middle=middle, slopes=slopes, spread=spread, dtype=x.dtype):
        return ()
    constant = float(answers[0] - middle @ slopes)
    size = float(np.abs(slopes) @ np.abs(middle))
    if abs(constant) <= ROUNDING_STEPS * np.finfo(x.dtype).eps * size:
        constant = 0.0
    terms = [Term("1", constant, abs(constant))]
    terms += [
        Term(term_name([name], [1]), float(slope), float(abs(slope) * size))
        for name, slope, size in zip(features.num_labels, slopes, spread, strict=True)
    ]
    return tuple(terms)


def _is_linear(
    fitted: Fitted,
    answers: np.ndarray,
    *,
    middle: np.ndarray,
    slopes: np.ndarray,
    spread: np.ndarray,
    dtype: np.dtype[np.floating],
) -> bool:
    """Whether far out the net still says what the formula says: columns scaled robustly are bent."""
    reach = FAR * np.where(spread > 0, spread, 1.0)
    far = np.array([middle + reach, middle - reach]).astype(dtype)
    said = answers_of(fitted.population, fitted.readout, Batch(far, np.empty((2, 0), dtype=np.int64), ()))
    moved = (far.astype(np.float64) - middle) @ slopes
    size = np.abs(slopes * reach).sum() + np.abs(answers).max()
    return bool(np.allclose(said, answers[0] + moved, rtol=0, atol=1e-3 * size))
