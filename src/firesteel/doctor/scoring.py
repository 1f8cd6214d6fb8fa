"""Whether the answers of a net became a score: compared with what was to come out, or read by somebody."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

from firesteel.doctor.facts import Facts, Forward, Made
from firesteel.doctor.lineage import SAME_NUMBERS, is_answer, origin
from firesteel.doctor.sites import Site

_LOSSES = frozenset(
    {"cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy",
     "binary_cross_entropy_with_logits", "linear_cross_entropy", "multilabel_soft_margin_loss", "soft_margin_loss",
     "multi_margin_loss", "multilabel_margin_loss", "poisson_nll_loss", "gaussian_nll_loss", "ctc_loss"}
)  # fmt: skip
_MATCHING = frozenset({"eq", "ne"})
_DISTANCES = frozenset({"abs", "pow", "square", "mul", "norm", "linalg_norm"})
_READING = frozenset(
    {"argmax", "max", "topk", "gt", "ge", "lt", "le", "round", "item", "float", "tolist", "numpy", "softmax", "sigmoid",
     "corrcoef"}
)  # fmt: skip
_DRAWING = frozenset({"multinomial", "bernoulli", "poisson"})
_RANDOM = frozenset({"randn", "rand", "normal", "randint", "randn_like", "rand_like", "bernoulli", "uniform"})
_CONSTANT = frozenset(
    {"ones", "zeros", "full", "ones_like", "zeros_like", "full_like", "arange", "linspace", "eye", "empty", "tensor"}
)
_MOST_CHILDREN = 60
#: Fewer rows that were read one by one are acting, or a look.
LEAST_ROWS = 5
#: Of the rows a net was trained on, so many were new each time where it learns from noise.
SHARE_OF_STREAMS = 0.95
#: Calls with the same rows and weights are draws from a net that answers at random.
LEAST_DRAWS = 3


class Scores:
    """Of one run: which evaluations became a score."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._children: dict[int, list[Made]] = {}
        for made in facts.ops:
            self._note(made)
        self._last_backward = facts.backwards[-1].at if facts.backwards else 0
        self._draws = Counter(key for one in facts.forwards if (key := self._key(one)) is not None)
        self._given = {id(made) for one in facts.forwards for made in one.inputs}
        self._made_up: dict[Site, bool] = {}
        self._streams: dict[int, bool] = {}
        self._sources: set[int] | None = None

    def _note(self, made: Made) -> None:
        for parent in made.parents:
            children = self._children.setdefault(id(parent), [])
            if parent.op == "part" and not children:  # parts of a result are no operations of their own
                self._note(parent)
            children.append(made)

    def is_scored(self, forward: Forward) -> bool:
        """It was compared with a target; or read, and is neither a sample from noise nor an agent's next move."""
        following = list(self._following(forward))
        if any(self._is_compared(one) for one in following):
            return True
        if any(one.op in _DRAWING for one in following) or not any(one.op in _READING for one in following):
            return False
        if self._is_made_up(forward):
            return False
        if forward.input is not None and (self._is_noise(forward.input) or self._is_stream(forward)):
            return False
        return forward.n_rows >= LEAST_ROWS or self._n_alone(forward) >= LEAST_ROWS

    def is_draw(self, forward: Forward) -> bool:
        """The same rows went in again and again while nothing was learned: the answers are meant to differ."""
        key = self._key(forward)
        return key is not None and self._draws[key] >= LEAST_DRAWS

    def _is_made_up(self, forward: Forward) -> bool:
        """On this line answers go in again, as of a text or a path that the net goes on with."""
        if forward.site not in self._made_up:
            here = [one for one in self._facts.forwards if one.site == forward.site and one.outputs]
            self._made_up[forward.site] = any(
                id(made) in self._given for one in here for made in self._following(one, one.outputs[:1])
            )
        return self._made_up[forward.site]

    def _key(self, forward: Forward) -> tuple[object, ...] | None:
        if forward.rows is None:
            return None
        return forward.site, forward.step, forward.rows.tobytes()

    def _following(self, forward: Forward, outputs: tuple[Made, ...] = ()) -> Iterator[Made]:
        queue, seen = list(outputs or forward.outputs), {id(one) for one in outputs or forward.outputs}
        while queue and len(seen) < _MOST_CHILDREN:
            for made in self._children.get(id(queue.pop(0)), []):
                if id(made) not in seen:
                    seen.add(id(made))
                    queue.append(made)
                    yield made

    def _is_compared(self, made: Made) -> bool:
        """It sets the answer against something that is no answer."""
        others = [one for one in made.parents if not is_answer(one)]
        if made.op in _LOSSES:
            return any(origin(one).op not in _CONSTANT or origin(one).parents for one in others[:1])
        if made.op in _MATCHING:
            return len(made.parents) == 2 and bool(others)
        if made.op in ("sub", "rsub"):
            sizes = {math.prod(one.shape) for one in made.parents}  # a column against a row is one all the same (S01)
            is_error = len(made.parents) == 2 and bool(others) and len(sizes) == 1
            return is_error and self._is_distance(made)
        return False

    def _is_distance(self, made: Made) -> bool:
        """Squares or amounts are taken of it."""
        return any(
            one.op in _DISTANCES or (one.op in SAME_NUMBERS and self._is_distance(one))
            for one in self._children.get(id(made), [])
        )

    def _is_stream(self, forward: Forward) -> bool:
        """The net was trained on rows that never came twice."""
        key = id(forward.module)
        if key not in self._streams:
            trained = [one for one in self._facts.trained() if one.module is forward.module and one.rows is not None]
            n_seen = sum(len(one.rows) for one in trained)
            n_different = len({int(row) for one in trained for row in one.rows})
            self._streams[key] = len(trained) > 1 and n_different > SHARE_OF_STREAMS * n_seen
        return self._streams[key]

    def _is_noise(self, made: Made) -> bool:
        """Random numbers went in, and not those that stand for data in this run: what was trained on."""
        if not is_noise(made):
            return False
        if self._sources is None:
            given = [one.input for one in self._facts.trained() if one.input is not None and not is_answer(one.input)]
            self._sources = {id(source) for one in given for source in sources_of(one)}
        return not any(id(one) in self._sources for one in sources_of(made))

    def _n_alone(self, forward: Forward) -> int:
        """How many calls of this line came when the training was over."""
        return sum(one.site is forward.site and one.at > self._last_backward for one in self._facts.forwards)


def sources_of(made: Made) -> list[Made]:
    """Where its numbers came from, weights left out."""
    return [one for one in made.walk() if not one.parents and one.op != "parameter"]


def is_noise(made: Made) -> bool:
    """It was made of random numbers alone, perhaps by a net."""
    sources = sources_of(made)
    is_random = any(one.op in _RANDOM for one in sources)
    return is_random and all(one.op in _RANDOM or one.op in _CONSTANT for one in sources)
