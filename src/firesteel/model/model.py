"""A model: the net, the features and the schema together, so that raw rows go in and answers come out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from firesteel.data import Pictures, Schema, Split, Table, Wish, arrays_to_table, read_input, read_table, spoken_form
from firesteel.errors import DataError
from firesteel.evaluation import Answer, Report, headline, summary
from firesteel.features import Batch, Oddity, PictureFeatures
from firesteel.model.answers import LabelType, label_values
from firesteel.model.material import AnyFeatures, as_read
from firesteel.model.readout import AnswerModule, Readout
from firesteel.nets import Population
from firesteel.recipe import Recipe


@dataclass(frozen=True)
class Prediction:
    """Answers in the rows' order, and what could not be read of them."""

    target: str
    pred: np.ndarray  # (n_rows,): numbers float64, or labels as in training: int64, float64, bool, str objects
    proba: np.ndarray | None  # (n_rows, n_classes), None for a regression
    classes: tuple[str, ...]
    oddities: tuple[Oddity, ...] = ()

    @property
    def notices(self) -> tuple[str, ...]:
        return tuple(oddity.text for oddity in self.oddities)

    def to_frame(self) -> pl.DataFrame:
        """One column with the answers, and one per class with its probability."""
        is_text = self.pred.dtype == object
        columns: dict[str, Any] = {
            self.target: pl.Series(self.pred.tolist(), dtype=pl.String) if is_text else self.pred
        }
        if self.proba is not None:
            columns |= {f"proba_{name}": self.proba[:, i] for i, name in enumerate(self.classes)}
        return pl.DataFrame(columns)


@dataclass(frozen=True, repr=False)
class Model:
    """A trained, checked model. `firesteel.load(folder)` reads one back; `net` is plain PyTorch."""

    recipe: Recipe
    schema: Schema
    features: AnyFeatures
    readout: Readout
    report: Report
    population: Population
    has_header: bool | None = None  # of a text file to predict; None: as it looks
    label_type: LabelType = "text"  # of the target's classes in the training table
    split: Split | None = field(default=None, compare=False)  # of a model that was just fitted

    def __repr__(self) -> str:
        target = f"'{self.report.target}' ({self.report.task})"
        source = f"pictures ({self.report.reads})" if self.report.reads else f"{self.report.n_columns} columns"
        return f"<Model of {target} from {source}: {headline(self.report)}>"

    @property
    def classes(self) -> tuple[str, ...]:
        return self.schema.target.classes

    @property
    def net(self) -> nn.Module:
        """All layers in plain PyTorch with weights of their own, preprocessing included: `net(x_num, x_cat)`.

        `model.encode(table)` makes `x_num` and `x_cat`. `net.members[i]` is one member, ready to be trained on.
        """
        members = [self.population.module(i) for i in range(self.population.k)]
        return AnswerModule(members, self.readout).eval()

    def encode(self, rows: Any) -> Batch:
        """Raw rows (a frame, an array, a Table; files or arrays of pictures) as the two arrays that the net reads.

        Raises: DataError for a missing column, or what is no picture.
        """
        if isinstance(self.features, PictureFeatures):
            return self.features.encode(self.pictures(rows))
        return self.features.encode(_frame_of(rows))

    def encode_new(self, rows: Any) -> tuple[Batch, tuple[Oddity, ...]]:
        """As `encode`, with negatives of the training pictures turned round; and what was odd about the rows."""
        seen: tuple[Oddity, ...] = ()
        if isinstance(self.features, PictureFeatures):
            rows, seen = self.features.as_learned(self.pictures(rows))
        batch = self.encode(rows)
        return batch, (*seen, *batch.oddities)

    def pictures(self, source: Any) -> Pictures:
        """Pictures in the form that the net reads, from files, a folder, arrays. Raises DataError."""
        assert isinstance(self.features, PictureFeatures), "only a model of pictures reads pictures"
        if isinstance(source, Pictures):
            return source
        wish = Wish(form=self.features.form, is_for_answers=True)
        found, _ = read_input(source, target=self.schema.target.name, wish=wish)
        if not isinstance(found, Pictures):
            raise DataError(
                f"the model reads pictures ({spoken_form(self.features.form)})",
                found=f"'{found.name}' is a table whose columns are no pixels",
                hint="a picture file, a folder of them, or a table of one pixel a column",
            )
        return found

    def answer(self, batch: Batch) -> Answer:
        """Proba `(n_rows, n_classes)` or pred `(n_rows,)`, float64, averaged over the members."""
        if not batch.n_rows:
            return np.empty((0, len(self.classes)) if self.classes else 0)
        return answers_of(self.population, self.readout, batch)

    def predict(self, rows: Any) -> Prediction:
        """Answers for raw rows or pictures, in their order. Raises DataError for a missing column."""
        batch, oddities = self.encode_new(rows)
        answer = self.answer(batch)
        target = self.schema.target
        if not target.classes:
            return Prediction(target.name, answer, None, (), oddities)
        pred = label_values(target.classes, self.label_type)[answer.argmax(axis=1)]
        return Prediction(target.name, pred, answer, target.classes, oddities)

    def summary(self) -> str:
        """The verdict, the scores and all models that were compared, as lines of at most 80 columns."""
        return "\n".join(summary(self.report))


def _frame_of(rows: Any) -> pl.DataFrame:
    """The rows in our types. No rows are no table, but what has names is encoded all the same."""
    if isinstance(rows, Table):
        return rows.frame
    if isinstance(rows, pl.LazyFrame):
        rows = rows.collect()
    if hasattr(rows, "columns") and not len(rows):
        return pl.DataFrame(schema=dict.fromkeys(map(str, rows.columns), pl.String))
    if isinstance(rows, list) or (hasattr(rows, "__array__") and not hasattr(rows, "columns")):
        return arrays_to_table(rows).frame
    return read_table(rows).frame


def answers_of(population: Population, readout: Readout, batch: Batch) -> Answer:
    """What the population as a whole says of encoded rows."""
    z = population.answers(population.prepare(*tensors_of(batch, population)))
    return np.asarray(readout.answer(z).cpu().numpy())


def tensors_of(batch: Batch, population: Population) -> tuple[torch.Tensor, torch.Tensor]:
    """`x_num` and `x_cat` where the population lives, in its dtype."""
    weights = population.weights
    return as_read(batch.x_num, population), torch.from_numpy(batch.x_cat).to(weights.device)
