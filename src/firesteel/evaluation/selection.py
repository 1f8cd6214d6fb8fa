"""Which columns of a design matrix a least-squares fit should have, found on folds of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firesteel.evaluation.metrics import Floats, Ints

Powers: TypeAlias = NDArray[np.int64]

#: Directions of a design below this share of its largest are rounding: such columns are one column.
RANK = 1e-13
#: A column of which the chosen ones leave less than this share tells nothing of its own.
COLLINEAR = 1e-8
#: Errors of this share of the target's spread are those of float64 arithmetic: nothing is left to be explained.
EXACT = 1e-11
MAX_SWAPPED, SWAP_ROUNDS, SWAP_GAIN = 16, 3, 1e-6  # exchanges cost the more, the larger a set is


@dataclass(frozen=True)
class Path:
    """Nested fits on one fold: design (n_rows, n_columns), standardised target, the rows held out, columns per fit."""

    design: Floats
    z: Floats
    held: Ints
    sets: Sequence[Ints]


@dataclass(frozen=True)
class SizeChoice:
    """Which fit of a path was chosen, and the root mean squared errors of all on the rows held out."""

    place: int
    errors: Floats


def fold_numbers(n_rows: int, *, n_folds: int, seed: int) -> list[Ints]:
    """The rows held out in each fold, drawn at random; every row once."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n_rows)
    return [fold for fold in np.array_split(order, n_folds) if len(fold)]


def choose_size(paths: list[Path], *, ends: tuple[float, float]) -> SizeChoice:
    """The smallest fit whose error on held-out rows is within noise of the best one's.

    Noise is the standard error of the difference, row by row: what all fits find hard does not count as noise. Answers
    are held between `ends`, as they will be. Of paths that end earlier the last fit stands for the later ones.
    """
    n_fits = max(len(path.sets) for path in paths)
    squares = np.concatenate([_squared_errors(path, n_fits, ends=ends) for path in paths], axis=1)  # (n_fits, n_rows)
    means = squares.mean(axis=1)
    gaps = squares - squares[means.argmin()]
    noise = gaps.std(axis=1) / np.sqrt(gaps.shape[1])
    is_good = (gaps.mean(axis=1) <= noise) | (means <= EXACT**2)
    return SizeChoice(int(is_good.argmax()), np.sqrt(means))


def _squared_errors(path: Path, n_fits: int, *, ends: tuple[float, float]) -> Floats:
    """Of each fit on each row held out, (n_fits, n_held)."""
    kept = np.setdiff1d(np.arange(len(path.z)), path.held)
    columns = np.unique(np.concatenate(path.sets))
    place = np.zeros(path.design.shape[1], dtype=np.int64)
    place[columns] = np.arange(len(columns))
    r, target = _rotated(path.design[np.ix_(kept, columns)], path.z[kept])
    design = path.design[np.ix_(path.held, columns)]
    errors = np.empty((n_fits, len(path.held)))
    for i in range(n_fits):
        chosen = place[path.sets[min(i, len(path.sets) - 1)]]
        answer = design[:, chosen] @ least_squares(r[:, chosen], target)
        errors[i] = (np.clip(answer, *ends) - path.z[path.held]) ** 2
    return errors


def least_squares(design: Floats, z: Floats) -> Floats:
    """The smallest coefficients of the best fit, with columns of the same size while solving."""
    size = np.linalg.norm(design, axis=0)
    size[size == 0] = 1.0
    return np.asarray(np.linalg.lstsq(design / size, z, rcond=RANK)[0] / size)


def _rotated(design: Floats, z: Floats) -> tuple[Floats, Floats]:
    """The same least-squares problem in as many rows as there are columns, and one more."""
    r: Floats = np.asarray(np.linalg.qr(np.concatenate([design, z[:, None]], axis=1), mode="r"))
    return r[:, :-1], r[:, -1]


def sparse_sets(design: Floats, z: Floats, *, n_chosen: int) -> list[Ints]:
    """Sets of columns of 1, 2, ... up to `n_chosen` columns and the first one, which is in all of them.

    Forward, each time the column that explains most of what is left (orthogonal least squares); from there backward,
    each time without the column whose loss costs least. Backward mends what forward took early for want of better:
    where c^5 hides all else, c^2 stands in for c until both are there. Then single columns of the smaller sets are
    exchanged, without which noise leaves four powers of b in the place of 1/b. Source: Chen, Billings and Luo 1989,
    for the forward part; Miller, Subset Selection in Regression, chapter 3.
    """
    size = np.linalg.norm(design, axis=0)
    size[size == 0] = 1.0
    r, target = _rotated(design / size, z)
    chosen = _forward(r, target, n_chosen=n_chosen)
    sets = [np.array(chosen)]
    while len(chosen) > 2:
        coefficients, unit = _solved(r[:, chosen], target)
        costs = (coefficients / unit) ** 2
        costs[0] = np.inf
        chosen = [column for i, column in enumerate(chosen) if i != int(costs.argmin())]
        sets.append(np.array(chosen))
    swapped = [_swapped(r, target, one) if len(one) <= MAX_SWAPPED else one for one in sets]
    return swapped[::-1]


def _swapped(r: Floats, target: Floats, chosen: Ints) -> Ints:
    """The set after exchanging one column for a better one as long as that explains more, in a few rounds."""
    columns = list(chosen)
    for _ in range(SWAP_ROUNDS):
        before = list(columns)
        for place in range(1, len(columns)):
            others = columns[:place] + columns[place + 1 :]
            q = np.linalg.qr(r[:, others])[0]
            rest, left = r - q @ (q.T @ r), target - q @ (q.T @ target)
            gains = np.abs(rest.T @ left) / _norms(rest, taken=others)
            best = int(gains.argmax())
            if gains[best] > gains[columns[place]] * (1 + SWAP_GAIN):
                columns[place] = best
        if columns == before:
            break
    return np.array(columns)


def _norms(rest: Floats, *, taken: list[int]) -> Floats:
    """Lengths of what the taken columns leave of the others; infinite where that is nothing."""
    norms: Floats = np.linalg.norm(rest, axis=0)
    norms[norms < COLLINEAR] = np.inf
    norms[taken] = np.inf
    return norms


def _forward(r: Floats, target: Floats, *, n_chosen: int) -> list[int]:
    """The first column and up to `n_chosen` others, by what each adds."""
    chosen = [0]
    left, rest = target.copy(), r.copy()
    _take_out(rest, left, 0)
    while len(chosen) <= n_chosen:
        gains = np.abs(rest.T @ left) / _norms(rest, taken=chosen)
        best = int(gains.argmax())
        if not gains[best] > 0 or np.linalg.norm(left) <= EXACT**2 * np.linalg.norm(target):
            break
        chosen.append(best)
        _take_out(rest, left, best)
    return chosen


def _take_out(rest: Floats, left: Floats, column: int) -> None:
    """Makes all columns and what is left orthogonal to one column, in place."""
    direction = rest[:, column] / (np.linalg.norm(rest[:, column]) or 1.0)
    rest -= np.outer(direction, direction @ rest)
    left -= direction * (direction @ left)


def _solved(r: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Coefficients, and how far each moves with the error's unit: the square root of the inverse's diagonal."""
    u, s, vt = np.linalg.svd(r, full_matrices=False)
    keep = s > RANK * s[0]
    inverse = (vt[keep].T / s[keep]) @ u[:, keep].T
    return inverse @ target, np.maximum(np.linalg.norm(inverse, axis=1), np.finfo(np.float64).tiny)
