"""Regressions on powers of the numeric columns; how many of them is measured on folds of the training rows.

`Polynomial` finds a degree, `PowerLibrary` a few terms of many (negative powers and products, too). Both fit by
orthogonal steps in float64 on scaled columns, because powers lie close to each other, and because one of them may be a
million times as large as another that is as real.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev, polynomial

from firesteel.evaluation.metrics import Floats, Ints
from firesteel.evaluation.selection import Path, Powers, choose_size, fold_numbers, least_squares, sparse_sets

MAX_DEGREE = 8
MAX_TERMS = 150  # of a polynomial: about a second of one core
ROWS_PER_TERM = 5  # at least, so that a degree is not more than the rows can say
MAX_LEVELS = 20  # of one categorical column beside a polynomial
CHOICE_ROWS = 10_000  # rows that a degree or a set of terms is chosen on; the coefficients are of all rows
N_FOLDS = 5
LOWEST_POWER, HIGHEST_POWER = -3, 6
#: Columns of one sign have negative powers, unless the smallest is so near to 0 that its power is all that counts.
AWAY_FROM_0 = 1 / 500
MAX_CHOSEN = 30  # terms that a power library may look at together
#: Answers end this share of the training targets' range beyond it: powers run away outside of the rows they know.
REACH = 0.5


@dataclass(frozen=True)
class PowerSum:
    """A fitted sum in raw units: powers (n_terms, n_num), coefficients (n_terms,), effects (n_terms,) as of `Term`."""

    powers: Powers
    coefficients: Floats
    effects: Floats


class _Powered:
    """What both have in common: missing numbers filled, answers held near the targets that were seen."""

    def __init__(self, n_num: int, *, seed: int) -> None:
        self.n_num = n_num
        self.seed = seed

    def _remember(self, X: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Medians, ends and the scale of the target; the numbers and the standardised target."""
        numbers = X[:, : self.n_num]
        is_missing = np.isnan(numbers)
        self.has_gaps_ = bool(is_missing.any())
        is_empty = is_missing.all(axis=0)
        self.medians_: Floats = np.nanmedian(np.where(is_empty, 0.0, numbers), axis=0)
        reach = REACH * (y.max() - y.min())
        self.low_, self.high_ = float(y.min() - reach), float(y.max() + reach)
        self.centre_, self.spread_ = float(y.mean()), float(y.std()) or 1.0
        self.n_held_ = 0
        return self._filled(X), (y - self.centre_) / self.spread_

    def _filled(self, X: Floats) -> Floats:
        numbers = X[:, : self.n_num]
        filled: Floats = np.where(np.isnan(numbers), self.medians_, numbers)
        return filled

    def _answer(self, z: Floats) -> Floats:
        """From standardised answers to the target's unit, held."""
        answer = self.centre_ + self.spread_ * z
        held: Floats = np.clip(answer, self.low_, self.high_)
        self.n_held_ += int((held != answer).sum())
        return held

    def _ends(self) -> tuple[float, float]:
        return (self.low_ - self.centre_) / self.spread_, (self.high_ - self.centre_) / self.spread_

    @property
    def note_held(self) -> str:
        """Test rows whose answer was held back; nothing where there are none."""
        answers = "1 answer is" if self.n_held_ == 1 else f"{self.n_held_:,} answers are"
        return f"; {answers} cut, far outside of the training targets" if self.n_held_ else ""


class Polynomial(_Powered):
    """Powers of the numbers up to a degree, products where they are few, beside one-hot categorical columns."""

    def fit(self, X: Floats, y: Floats) -> Polynomial:
        numbers, z = self._remember(X, y)
        low, high = numbers.min(axis=0), numbers.max(axis=0)
        self.middle_, self.half_ = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
        self.levels_ = [np.unique(column) for column in X[:, self.n_num :].T]
        n_flags = sum(len(levels) for levels in self.levels_)
        self.powers_, sizes = _polynomial_powers(self.n_num, max_terms=min(MAX_TERMS, len(y) // ROWS_PER_TERM))
        self.has_products_ = bool((np.count_nonzero(self.powers_, axis=1) > 1).any())
        rows = _draw(len(y), seed=self.seed)
        design = self._design(numbers[rows], X[rows])
        sets = [np.arange(n_flags + size) for size in sizes]
        folds = fold_numbers(len(rows), n_folds=N_FOLDS, seed=self.seed)
        paths = [Path(design, z[rows], held, sets) for held in folds]
        choice = choose_size(paths, ends=self._ends())
        self.degree_ = choice.place + 1
        self.errors_ = self.spread_ * choice.errors
        self.powers_ = self.powers_[: sizes[choice.place]]
        self.coef_ = least_squares(self._design(numbers, X), z)
        self.power_sum = self._raw_sum(numbers)
        return self

    def predict(self, X: Floats) -> Floats:
        return self._answer(self._design(self._filled(X), X) @ self.coef_)

    @property
    def note(self) -> str:
        errors = ", ".join(f"{degree}: {error:.3g}" for degree, error in enumerate(self.errors_, start=1))
        products = " with products" if self.has_products_ and self.degree_ > 1 else ""
        return f"degree {self.degree_}{products}, chosen on {N_FOLDS} folds (RMSE of degree {errors}){self.note_held}"

    def _raw_sum(self, numbers: Floats) -> PowerSum | None:
        """In powers of the raw numbers; None where categorical columns or medians for missing numbers take part."""
        if self.levels_ or self.has_gaps_:
            return None
        raw = _raw_powers(self.powers_, self.coef_, middle=self.middle_, half=self.half_)
        powers = np.array(list(raw), dtype=np.int64)
        coefficients = self.spread_ * np.array(list(raw.values()))
        coefficients[(powers == 0).all(axis=1)] += self.centre_
        return PowerSum(powers, coefficients, _effects(numbers, powers, coefficients))

    def _design(self, numbers: Floats, X: Floats) -> Floats:
        """Categorical columns as 0 and 1, then products of Chebyshev polynomials, of which none drowns another."""
        flags = [(X[:, [self.n_num + i]] == levels) for i, levels in enumerate(self.levels_)]
        top = int(self.powers_.max(initial=0))
        values = chebyshev.chebvander((numbers - self.middle_) / self.half_, top)  # (n, n_num, top + 1)
        columns = np.ones((len(numbers), len(self.powers_)))
        for j in range(self.n_num):
            columns *= values[:, j, self.powers_[:, j]]
        return np.concatenate([*flags, columns], axis=1)


class PowerLibrary(_Powered):
    """A few terms out of powers of each column and products and ratios of pairs."""

    def fit(self, X: Floats, y: Floats) -> PowerLibrary:
        numbers, z = self._remember(X, y)
        self.size_ = np.abs(numbers).max(axis=0)
        self.size_[self.size_ == 0] = 1.0
        smallest = np.abs(numbers).min(axis=0)
        is_of_one_sign = (numbers > 0).all(axis=0) | (numbers < 0).all(axis=0)
        is_away = is_of_one_sign & (smallest >= AWAY_FROM_0 * self.size_)
        self.sign_ = np.where(is_away, np.sign(numbers[0]), 0.0)
        self.least_ = smallest / 2  # nearer to 0 than half the nearest that was seen, nothing is known
        library = _library(numbers, is_away=is_away)
        self.n_candidates_ = len(library)
        self.powers_, self.error_ = self._chosen(library, numbers, z)
        self.sign_[(self.powers_ >= 0).all(axis=0)] = 0.0  # nothing to guard
        self.coef_ = least_squares(self._design(numbers, self.powers_), z)
        coefficients = self.spread_ * self.coef_ / np.prod(self.size_**self.powers_, axis=1)
        coefficients[0] += self.centre_  # the constant is in every set, and first
        self.power_sum = PowerSum(self.powers_, coefficients, _effects(numbers, self.powers_, coefficients))
        return self

    def _chosen(self, library: Powers, numbers: Floats, z: Floats) -> tuple[Powers, float]:
        """The terms that the folds found enough, and their error there."""
        rows = _draw(len(z), seed=self.seed)
        design, z = self._design(numbers[rows], library), z[rows]
        n_chosen = min(MAX_CHOSEN, len(library), max(1, len(rows) // ROWS_PER_TERM))
        paths = []
        for held in fold_numbers(len(rows), n_folds=N_FOLDS, seed=self.seed):
            kept = np.setdiff1d(np.arange(len(rows)), held)
            paths.append(Path(design, z, held, sparse_sets(design[kept], z[kept], n_chosen=n_chosen)))
        choice = choose_size(paths, ends=self._ends())
        sets = sparse_sets(design, z, n_chosen=n_chosen)
        chosen = np.sort(sets[min(choice.place, len(sets) - 1)])
        return library[chosen], self.spread_ * float(choice.errors[choice.place])

    def predict(self, X: Floats) -> Floats:
        numbers = self._filled(X)
        near = np.maximum(self.sign_ * numbers, self.least_)
        numbers = np.where(self.sign_ == 0, numbers, self.sign_ * near)
        return self._answer(self._design(numbers, self.powers_) @ self.coef_)

    @property
    def note(self) -> str:
        n = len(self.powers_) - 1
        terms = "1 term" if n == 1 else f"{n} terms"
        return (
            f"{terms} and a constant, chosen on {N_FOLDS} folds out of {self.n_candidates_ - 1} "
            f"(RMSE {self.error_:.3g}){self.note_held}"
        )

    def _design(self, numbers: Floats, powers: Powers) -> Floats:
        return _products(numbers / self.size_, powers)


def _draw(n_rows: int, *, seed: int) -> Ints:
    """The rows that a choice is made on, all where there are no more."""
    order = np.random.Generator(np.random.PCG64(seed)).permutation(n_rows)
    return order[:CHOICE_ROWS]


def _polynomial_powers(n_num: int, *, max_terms: int) -> tuple[Powers, list[int]]:
    """Powers of all terms (n_terms, n_num) degree by degree, and how many terms each degree has; one degree at least.

    With products where those of degree 2 can be afforded, else powers of single columns.
    """
    has_products = math.comb(n_num + 2, 2) <= max_terms
    found = [(0,) * n_num]
    sizes: list[int] = []
    for degree in range(1, MAX_DEGREE + 1):
        if has_products:
            picks = itertools.combinations_with_replacement(range(n_num), degree)
            block = [tuple(pick.count(j) for j in range(n_num)) for pick in picks]
        else:
            block = [tuple(degree * (j == i) for j in range(n_num)) for i in range(n_num)]
        if sizes and len(found) + len(block) > max_terms:
            break
        found += block
        sizes.append(len(found))
    return np.array(found, dtype=np.int64).reshape(len(found), n_num), sizes


def _library(numbers: Floats, *, is_away: Floats) -> Powers:
    """The candidates (n_candidates, n_num), the constant first; columns of two values have no powers."""
    n_num = numbers.shape[1]
    n_values = [min(len(np.unique(column)), 3) for column in numbers.T]
    found: list[dict[int, int]] = [{}]
    for j, n in enumerate(n_values):
        lowest = LOWEST_POWER if is_away[j] else 1
        powers = range(lowest, HIGHEST_POWER + 1) if n > 2 else range(1, n)
        found += [{j: power} for power in powers if power]
    for i, j in itertools.combinations([j for j, n in enumerate(n_values) if n > 1], 2):
        found.append({i: 1, j: 1})
        found += [{i: 1, j: -1}] * bool(is_away[j]) + [{i: -1, j: 1}] * bool(is_away[i])
    return np.array([[term.get(j, 0) for j in range(n_num)] for term in found], dtype=np.int64)


def _products(numbers: Floats, powers: Powers) -> Floats:
    """Products of powers (n_rows, n_terms) of the numbers (n_rows, n_num)."""
    columns = np.ones((len(numbers), len(powers)))
    for j in range(numbers.shape[1]):
        for power in np.unique(powers[:, j]):
            if power:
                columns[:, powers[:, j] == power] *= (numbers[:, j] ** float(power))[:, None]
    return columns


def _effects(numbers: Floats, powers: Powers, coefficients: Floats) -> Floats:
    """How far each term moves the answer; the constant's is its size."""
    moved = np.abs(coefficients) * _products(numbers, powers).std(axis=0)
    return np.where((powers == 0).all(axis=1), np.abs(coefficients), moved)


def _raw_powers(
    powers: Sequence[Sequence[int]] | Powers, coefficients: Floats, *, middle: Floats, half: Floats
) -> dict[tuple[int, ...], float]:
    """Coefficients of products of raw columns' powers, from those of Chebyshev polynomials of scaled columns."""
    raw: dict[tuple[int, ...], float] = {}
    for term, coefficient in zip(powers, coefficients, strict=True):
        factors = [_chebyshev_in_raw(int(n), middle=middle[j], half=half[j]) for j, n in enumerate(term)]
        for place in itertools.product(*(range(len(factor)) for factor in factors)):
            size = math.prod(float(factor[n]) for factor, n in zip(factors, place, strict=True))
            raw[place] = raw.get(place, 0.0) + float(coefficient) * size
    return dict(sorted(raw.items(), key=lambda item: (sum(item[0]), [-n for n in item[0]])))


def _chebyshev_in_raw(n: int, *, middle: float, half: float) -> Floats:
    """T_n((x - middle) / half) as coefficients of 1, x, ..., x^n (Horner's rule on polynomials)."""
    result = np.zeros(1)
    for coefficient in chebyshev.cheb2poly([0] * n + [1])[::-1]:
        result = polynomial.polyadd(polynomial.polymul(result, [-middle / half, 1 / half]), [coefficient])
    return np.concatenate([result, np.zeros(n + 1 - len(result))])[: n + 1]
