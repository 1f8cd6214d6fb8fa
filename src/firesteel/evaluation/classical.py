"""How each classical model is set up: preprocessing, settings, and the rows it can take in reasonable time.

All read one matrix: numeric columns (NaN = missing), then categorical columns as codes. The settings are
scikit-learn's own unless a line says why not; what a setting would decide is measured on training rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from firesteel.evaluation import measured, powers
from firesteel.evaluation.metrics import Floats, Ints
from firesteel.evaluation.powers import PowerSum
from firesteel.recipe import Task

MAX_LEVELS = 20  # one-hot columns of one categorical column; the rarer levels share the last one
MAX_ONE_HOT = 1000  # of all categorical columns together
C = 1.0  # of logistic regression
MAX_STEPS = 1000  # of logistic regression
#: Ridge's pull on standardised columns, per row: coefficients lose 1e-9 of themselves, and of two equal columns
#: neither runs away. Least squares in effect.
LEAST_PULL = 1e-9
ROWS_PER_COLUMN = 10  # below, least squares follows the noise, and the pull is chosen
PULLS = (0.1, 1.0, 10.0, 100.0)  # beside LEAST_PULL
PULL, PULL_WORK = 1.0, 2e9  # without a choice where it would be more than so many products, about 2 s
FLOAT32_MAX = float(np.finfo(np.float32).max) / 2  # trees read float32
# Ceilings on work, each some seconds on one core: products of rows and columns seen.
LINEAR_CELLS = 2e7
NEIGHBOUR_WORK = 2e11  # train rows x test rows x columns
MAX_NUMERIC = 20  # columns of a polynomial
MAX_LIBRARY = 8  # columns of a power library: 36 pairs, 156 terms
MIN_POWER_ROWS = 20  # to choose a degree or terms on folds
FOREST_WORK = 3.5e7  # trees x rows of a tree x (columns tried at a split + NODE_WORK)
NODE_WORK = 5  # what a node costs beside its columns, in columns
MIN_TREES, MAX_TREES = 50, 200
WIDE = 30  # columns above which a regression forest tries a third of them (Breiman's own rule) at a split
BOOSTING_EARLY_ROWS = 10_000  # above, 300 rounds with early stopping; below, scikit-learn's 100
BOOSTING_ROUNDS, BOOSTING_LONG_ROUNDS = 100, 300
BOOSTING_BINS, BOOSTING_WIDE_BINS = 255, 31
# Rounds cost as much as there are bins: of tables wider than this fewer and coarser ones (3,000 columns took 19 s).
BOOSTING_WIDE = 500


@dataclass(frozen=True)
class Rows:
    """Some rows: x_num (n, n_num) with NaN = missing, x_cat (n, n_cat) codes with 0 = unknown, y (n,)."""

    x_num: Floats
    x_cat: Ints
    y: np.ndarray[Any, np.dtype[Any]]

    @property
    def n_rows(self) -> int:
        return len(self.y)

    def combined(self) -> Floats:
        """One float64 matrix, numeric columns first; what float32 cannot hold is missing."""
        numbers = np.asarray(self.x_num, dtype=np.float64)
        numbers = np.where(np.abs(numbers) < FLOAT32_MAX, numbers, np.nan)  # NaN and inf compare as False
        return np.concatenate([numbers, np.asarray(self.x_cat, dtype=np.float64)], axis=1)

    def has_information(self) -> bool:
        """Whether any column has two different values, missing being one."""
        matrix = self.combined()
        if matrix.size == 0:
            return False
        first = matrix[:1]
        return bool(((matrix != first) & ~(np.isnan(matrix) & np.isnan(first))).any())

    def narrowed(self) -> Rows:
        """All rows with one column: for models that look at no column."""
        return Rows(self.x_num[:, :1], self.x_cat[:, : 1 - min(1, self.x_num.shape[1])], self.y)

    def sample(self, n_rows: int, *, seed: int) -> Rows:
        """So many of the rows, drawn without replacement, in their order; all of them where there are no more."""
        if n_rows >= self.n_rows:
            return self
        rng = np.random.Generator(np.random.PCG64(seed))
        chosen = np.sort(rng.choice(self.n_rows, size=n_rows, replace=False))
        return Rows(self.x_num[chosen], self.x_cat[chosen], self.y[chosen])


@dataclass(frozen=True)
class Job:
    """What the baselines are fitted to."""

    task: Task
    train: Rows
    test: Rows
    n_levels: tuple[int, ...]
    n_classes: int
    seed: int
    threads: int
    is_asked: bool = False  # by name, so that all rows and trees are taken, however long that takes

    @property
    def n_rows(self) -> int:
        return self.train.n_rows

    @property
    def n_num(self) -> int:
        return int(self.train.x_num.shape[1])

    @property
    def max_levels(self) -> int:
        """One-hot columns that one categorical column may have."""
        return int(np.clip(MAX_ONE_HOT // max(len(self.n_levels), 1), 2, MAX_LEVELS))

    @property
    def d_dense(self) -> int:
        """Columns after one-hot encoding, about."""
        return max(1, self.n_num + sum(min(levels, self.max_levels) for levels in self.n_levels))

    @property
    def d_raw(self) -> int:
        """Columns as they come."""
        return self.n_num + len(self.n_levels)


def all_rows(job: Job) -> int:
    return job.n_rows


def linear_rows(job: Job) -> int:
    return int(LINEAR_CELLS / job.d_dense)


def neighbour_rows(job: Job) -> int:
    return max(1000, int(NEIGHBOUR_WORK / (job.d_dense * job.test.n_rows)))


def power_rows(_: Job) -> int:
    return int(LINEAR_CELLS / powers.MAX_TERMS)


@dataclass(frozen=True)
class Found:
    """What is known after the fit: a note, the rows used where that are fewer, the model as a sum."""

    note: str = ""
    n_rows: int | None = None
    power_sum: PowerSum | None = None


@dataclass(frozen=True)
class Setup:
    """An estimator on combined columns, and what to say of it once it has answered."""

    estimator: Any
    look: Callable[[Any], Found] = lambda _: Found()


def constant(job: Job) -> Setup:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return Setup(DummyRegressor() if job.task == "regression" else DummyClassifier(strategy="prior"))


def logistic(job: Job) -> Setup:
    from sklearn.linear_model import LogisticRegression

    return Setup(_on_dense(job, LogisticRegression(C=C, max_iter=MAX_STEPS)))


def linear(job: Job) -> Setup:
    """Least squares; with few rows for the columns ridge regression, its pull chosen by leaving each row out."""
    from sklearn.linear_model import Ridge, RidgeCV

    least = LEAST_PULL * job.n_rows
    if job.n_rows >= ROWS_PER_COLUMN * job.d_dense:
        return Setup(_on_dense(job, Ridge(alpha=least)), lambda fitted: _linear_found(fitted, job, "least squares"))
    few = f"ridge, as there are fewer than {ROWS_PER_COLUMN} rows a column; alpha = "
    if job.n_rows * job.d_dense * min(job.n_rows, job.d_dense) > PULL_WORK:
        setup = Ridge(alpha=PULL)
        return Setup(_on_dense(job, setup), lambda fitted: _linear_found(fitted, job, f"{few}{PULL:g}"))
    return Setup(
        _on_dense(job, RidgeCV(alphas=(least, *PULLS))),
        lambda fitted: _linear_found(fitted, job, f"{few}{fitted[-1].alpha_:.2g}, chosen by leaving each row out"),
    )


def _linear_found(fitted: Any, job: Job, note: str) -> Found:
    """With the sum in raw units where all columns are numbers without gaps."""
    if job.n_levels or np.isnan(job.train.combined()).any():
        return Found(note)
    scaler = fitted[0].transformers_[0][1][-1]
    coefficients = fitted[-1].coef_ / scaler.scale_
    constant_term = float(fitted[-1].intercept_ - coefficients @ scaler.mean_)
    single = np.concatenate([np.zeros((1, job.n_num), np.int64), np.eye(job.n_num, dtype=np.int64)])
    effects = np.abs(np.concatenate([[constant_term], fitted[-1].coef_]))
    return Found(note, power_sum=PowerSum(single, np.concatenate([[constant_term], coefficients]), effects))


def neighbours(job: Job) -> Setup:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    is_regression = job.task == "regression"
    kind = KNeighborsRegressor if is_regression else KNeighborsClassifier
    n_judged = min(measured.MAX_JUDGED, max(measured.MIN_JUDGED, job.test.n_rows // 2))
    model = _on_dense(job, kind(n_neighbors=1, n_jobs=job.threads))
    estimator = measured.Neighbours(model, is_regression=is_regression, n_judged=n_judged, seed=job.seed)
    return Setup(estimator, lambda fitted: Found(fitted.note))


def svm(job: Job) -> Setup:
    from sklearn.svm import SVC, SVR

    def make(penalty: float) -> Any:
        return _on_dense(job, SVR(C=penalty) if is_regression else SVC(C=penalty, random_state=job.seed))

    is_regression = job.task == "regression"
    rows = measured.SvmRows.of(job.d_dense, is_regression=is_regression, is_asked=job.is_asked)
    kind = measured.SVMRegressor if is_regression else measured.SVMClassifier
    return Setup(kind(make, rows=rows, seed=job.seed), lambda fitted: Found(fitted.note, n_rows=fitted.n_rows_))


def polynomial(job: Job) -> Setup:
    estimator = powers.Polynomial(job.n_num, seed=job.seed)
    return Setup(estimator, lambda fitted: Found(fitted.note, power_sum=fitted.power_sum))


def polynomial_obstacle(job: Job) -> str:
    if job.n_num > MAX_NUMERIC:
        return f"it takes up to {MAX_NUMERIC} numeric columns, and there are {job.n_num:,}"
    if max(job.n_levels, default=0) > powers.MAX_LEVELS + 1:  # code 0 is no level
        return f"a categorical column has more than {powers.MAX_LEVELS} levels"
    return _powers_obstacle(job)


def power_library(job: Job) -> Setup:
    estimator = powers.PowerLibrary(job.n_num, seed=job.seed)
    return Setup(estimator, lambda fitted: Found(fitted.note, power_sum=fitted.power_sum))


def library_obstacle(job: Job) -> str:
    if job.n_levels:
        return "it takes numbers only, and some columns are categorical"
    if job.n_num > MAX_LIBRARY:
        return f"it takes up to {MAX_LIBRARY} numeric columns, and there are {job.n_num:,}"
    if np.isnan(job.train.combined()).any():
        return "some numbers are missing"
    return _powers_obstacle(job)


def _powers_obstacle(job: Job) -> str:
    if job.n_num == 0:
        return "there is no numeric column"
    if job.n_rows < MIN_POWER_ROWS:
        return f"it takes {MIN_POWER_ROWS} training rows, and there are {job.n_rows}"
    return ""


def forest(job: Job) -> Setup:
    """200 trees; fewer, and each on a draw of the rows, where that would be more than FOREST_WORK and nobody asked."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    is_regression = job.task == "regression"
    max_features: float | str = "sqrt" if not is_regression else 1 / 3 if job.d_raw > WIDE else 1.0
    n_tried = math.sqrt(job.d_raw) if not is_regression else job.d_raw * float(max_features)
    work = math.inf if job.is_asked else FOREST_WORK / (n_tried + NODE_WORK)  # trees x rows that can be afforded
    n_trees = int(np.clip(work / job.n_rows, MIN_TREES, MAX_TREES))
    n_drawn = int(min(job.n_rows, max(1000, 2 * work / n_trees)))
    kind = RandomForestRegressor if is_regression else RandomForestClassifier
    estimator = kind(
        n_estimators=n_trees,
        max_features=max_features,
        max_samples=None if n_drawn == job.n_rows else n_drawn,
        n_jobs=job.threads,
        random_state=job.seed,
    )
    note = f"{n_trees} trees" + (f", each on {n_drawn:,} of the rows" if n_drawn < job.n_rows else "")
    return Setup(_on_filled(job, estimator), lambda _: Found(note))


def boosting(job: Job) -> Setup:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    # Early stopping holds out rows of every class, so each needs two.
    can_stop = job.task == "regression" or int(np.unique(job.train.y, return_counts=True)[1].min()) >= 2
    is_long = job.n_rows > BOOSTING_EARLY_ROWS and can_stop
    is_wide = job.d_raw > BOOSTING_WIDE and not job.is_asked
    rounds = BOOSTING_LONG_ROUNDS if is_long else BOOSTING_ROUNDS
    rounds = max(20, rounds * BOOSTING_WIDE // job.d_raw) if is_wide else rounds
    bins = BOOSTING_WIDE_BINS if is_wide else BOOSTING_BINS
    levels_of = [0] * job.n_num + list(job.n_levels)
    # It cannot bin a column without two different values; a constant one tells nothing to any model.
    kept = [i for i, column in enumerate(job.train.combined().T) if len(np.unique(column)) > 1]
    native = [place for place, i in enumerate(kept) if 0 < levels_of[i] <= bins]
    kind = HistGradientBoostingRegressor if job.task == "regression" else HistGradientBoostingClassifier
    estimator = kind(
        max_iter=rounds,
        max_bins=bins,
        early_stopping=is_long,
        categorical_features=native or None,
        random_state=job.seed,
    )
    take = FunctionTransformer(np.take, kw_args={"indices": kept, "axis": 1})
    return Setup(make_pipeline(take, estimator), lambda _: Found(f"{rounds} rounds" if is_wide else ""))


def _on_dense(job: Job, estimator: Any) -> Any:
    """Medians and missing flags, standard scale, one-hot with capped levels; then the estimator."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    one_hot = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=job.max_levels, sparse_output=False)
    numbers, codes = _places(job)
    return make_pipeline(
        make_column_transformer((make_pipeline(fill, StandardScaler()), numbers), (one_hot, codes)), estimator
    )


def _on_filled(job: Job, estimator: Any) -> Any:
    """Medians and missing flags, codes as they are; then the estimator."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    fill = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    numbers, codes = _places(job)
    return make_pipeline(make_column_transformer((fill, numbers), ("passthrough", codes)), estimator)


def _places(job: Job) -> tuple[list[int], list[int]]:
    """Where the numeric and the categorical columns stand in the combined matrix."""
    return list(range(job.n_num)), list(range(job.n_num, job.n_num + len(job.n_levels)))
