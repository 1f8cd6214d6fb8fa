"""How each classical model is set up: preprocessing, settings, and the rows it can take in reasonable time.

All read one matrix: numeric columns (NaN = missing), then categorical columns as codes. Nothing is tuned;
the settings are scikit-learn's own unless a line says why not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from firesteel.evaluation.calibration import softmax, temperature
from firesteel.evaluation.metrics import Floats, Ints
from firesteel.recipe import Task

MAX_LEVELS = 20  # one-hot columns of one categorical column; the rarer levels share the last one
MAX_ONE_HOT = 1000  # of all categorical columns together
C = 1.0  # of logistic regression and SVM
ALPHA = 1.0  # of ridge regression
MAX_STEPS = 1000  # of logistic regression
N_NEIGHBOURS = 15
FLOAT32_MAX = float(np.finfo(np.float32).max) / 2  # trees read float32
# Ceilings on work, each some seconds on one core: products of rows and columns seen.
LINEAR_CELLS = 2e7
NEIGHBOUR_WORK = 2e11  # train rows x test rows x columns
SVM_WORK = 2.5e9  # rows x rows x columns: 5,000 rows of 100 columns
SVM_ROWS = 5_000
FOREST_WORK = 3.5e7  # trees x rows of a tree x (columns tried at a split + NODE_WORK)
NODE_WORK = 5  # what a node costs beside its columns, in columns
MIN_TREES, MAX_TREES = 50, 200
WIDE = 30  # columns above which a regression forest tries a third of them (Breiman's own rule) at a split
BOOSTING_EARLY_ROWS = 10_000  # above, 300 rounds with early stopping; below, scikit-learn's 100
BOOSTING_ROUNDS, BOOSTING_LONG_ROUNDS = 100, 300
BOOSTING_BINS, BOOSTING_WIDE_BINS = 255, 31
# Rounds cost as much as there are bins: of tables wider than this fewer and coarser ones (3,000 columns took 19 s).
BOOSTING_WIDE = 500
SVM_HELD_OUT = 0.2  # of its rows, to turn its distances into probabilities


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


def svm_rows(job: Job) -> int:
    return max(200, min(SVM_ROWS, math.isqrt(int(SVM_WORK / job.d_dense))))


def constant(job: Job) -> tuple[Any, str]:
    from sklearn.dummy import DummyClassifier, DummyRegressor

    return (DummyRegressor() if job.task == "regression" else DummyClassifier(strategy="prior")), ""


def logistic(job: Job) -> tuple[Any, str]:
    from sklearn.linear_model import LogisticRegression

    return _on_dense(job, LogisticRegression(C=C, max_iter=MAX_STEPS)), ""


def ridge(job: Job) -> tuple[Any, str]:
    from sklearn.linear_model import Ridge

    return _on_dense(job, Ridge(alpha=ALPHA)), ""


def neighbours(job: Job) -> tuple[Any, str]:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    k = min(N_NEIGHBOURS, max(1, job.n_rows // 4))
    kind = KNeighborsRegressor if job.task == "regression" else KNeighborsClassifier
    return _on_dense(job, kind(n_neighbors=k, n_jobs=job.threads)), f"k = {k}"


def svm(job: Job) -> tuple[Any, str]:
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, SVR

    if job.task == "regression":
        return _on_dense(job, TransformedTargetRegressor(SVR(C=C), transformer=StandardScaler())), ""
    return TemperedSVC(_on_dense(job, SVC(C=C, random_state=job.seed)), seed=job.seed), ""


def forest(job: Job) -> tuple[Any, str]:
    """200 trees; fewer, and each on a draw of the rows, where that would be more than FOREST_WORK."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    is_regression = job.task == "regression"
    max_features: float | str = "sqrt" if not is_regression else 1 / 3 if job.d_raw > WIDE else 1.0
    n_tried = math.sqrt(job.d_raw) if not is_regression else job.d_raw * float(max_features)
    work = FOREST_WORK / (n_tried + NODE_WORK)  # trees x rows that can be afforded
    n_trees = int(np.clip(work / job.n_rows, MIN_TREES, MAX_TREES))
    n_drawn = min(job.n_rows, max(1000, int(2 * work / n_trees)))
    kind = RandomForestRegressor if is_regression else RandomForestClassifier
    estimator = kind(
        n_estimators=n_trees,
        max_features=max_features,
        max_samples=None if n_drawn == job.n_rows else n_drawn,
        n_jobs=job.threads,
        random_state=job.seed,
    )
    note = f"{n_trees} trees" + (f", each on {n_drawn:,} of the rows" if n_drawn < job.n_rows else "")
    return _on_filled(job, estimator), note


def boosting(job: Job) -> tuple[Any, str]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    # Early stopping holds out rows of every class, so each needs two.
    can_stop = job.task == "regression" or int(np.unique(job.train.y, return_counts=True)[1].min()) >= 2
    is_long = job.n_rows > BOOSTING_EARLY_ROWS and can_stop
    is_wide = job.d_raw > BOOSTING_WIDE
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
    return make_pipeline(take, estimator), f"{rounds} rounds" if is_wide else ""


class TemperedSVC:
    """A support vector classifier with probabilities: its decision values are logits, divided by one temperature.

    The temperature is found on rows that a first fit has not seen; the class picked stays the machine's own.
    """

    def __init__(self, svc: Any, *, seed: int) -> None:
        self.svc = svc
        self.seed = seed

    def fit(self, X: Floats, y: Ints) -> TemperedSVC:
        order = np.random.Generator(np.random.PCG64(self.seed)).permutation(len(y))
        held, rest = np.split(order, [int(len(y) * SVM_HELD_OUT)])
        self.temperature_ = 1.0
        self.classes_ = np.unique(y)
        if len(np.unique(y[rest])) == len(self.classes_):
            self.svc.fit(X[rest], y[rest])
            self.temperature_ = temperature(self._logits(X[held]), np.searchsorted(self.classes_, y[held]))
        self.svc.fit(X, y)
        return self

    def predict_proba(self, X: Floats) -> Floats:
        return softmax(self._logits(X) / self.temperature_)

    def _logits(self, X: Floats) -> Floats:
        if len(X) == 0:
            return np.zeros((0, len(self.classes_)))
        values = np.asarray(self.svc.decision_function(X))
        return values if values.ndim == 2 else np.stack([np.zeros_like(values), values], axis=1)


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
