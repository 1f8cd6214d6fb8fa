"""Pictures as rows of grey levels, and what they looked like in training."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import TypeAdapter, ValidationError

from firesteel.data import PICTURE, Form, Pictures, Target, spoken_form
from firesteel.errors import DataError, ModelError
from firesteel.features.encoding import Batch, encode_target
from firesteel.features.oddities import Oddity

#: A background is dark below and bright above these grey levels; what lies between says nothing.
DARK, BRIGHT = 64, 192
#: So many of the training pictures must have a dark (or bright) border, and none the other, for a set to count as dark
#: (or bright): strokes on paper do, photos do not.
SHARE_ALIKE = 0.99


@dataclass(frozen=True)
class PictureFeatures:
    """The form of the pictures that a net reads, as fitted on training pictures."""

    form: Form
    target: Target
    share_dark: float  # of the training pictures, those with a border darker than DARK
    share_bright: float
    notices: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        """The one thing that is read."""
        return (PICTURE,)

    @property
    def n_levels(self) -> tuple[int, ...]:
        """There are no categories."""
        return ()

    @property
    def widths(self) -> tuple[int, int]:
        """Columns of `x_num` and of `x_cat`."""
        return self.form.d, 0

    def encode(self, pictures: Pictures) -> Batch:
        """The pictures as rows `(n, height * width * channels)` of uint8.

        Raises: DataError for pictures of another form.
        """
        if pictures.form != self.form:
            raise DataError(
                f"the model reads pictures of {spoken_form(self.form)}",
                found=f"these are {spoken_form(pictures.form)}",
                hint="picture files or arrays, which are fitted, or a table of as many pixels",
            )
        rows = pictures.pixels.reshape(len(pictures.pixels), -1)
        return Batch(rows, np.empty((len(rows), 0), np.int64))

    def as_learned(self, pictures: Pictures) -> tuple[Pictures, tuple[Oddity, ...]]:
        """The pictures, those with the reverse of the background that all training pictures have as their negatives.

        For new pictures alone: among training pictures the background may be what tells the classes apart.
        """
        is_reverse = self._is_reverse(pictures.pixels)
        if not is_reverse.any():
            return pictures, ()
        pixels = np.where(is_reverse[:, None, None, None], 255 - pictures.pixels, pictures.pixels)
        odd = Oddity("reverse", PICTURE, int(is_reverse.sum()), example=self._training_words())
        return replace(pictures, pixels=pixels), (odd,)

    def encode_target(self, frame: pl.DataFrame) -> npt.NDArray[np.int64] | npt.NDArray[np.float64]:
        """The class codes or the numbers, as `Features.encode_target`."""
        return encode_target(self.target, frame)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: object) -> PictureFeatures:
        """The features that `to_dict` described. Raises ModelError for anything else."""
        try:
            features = TypeAdapter(cls).validate_python(record)
        except ValidationError as error:
            raise _strange(str(error.errors()[0]["msg"])) from None
        if min(features.form.shape) < 1 or features.form.channels not in (1, 3) or features.form.d >= 2**31:
            raise _strange(f"pictures of {features.form.shape}")
        return features

    def _is_reverse(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Which pictures have a bright border where training had dark ones, or the other way round."""
        borders = border_levels(pixels)
        if self._is_all_dark:
            return borders > BRIGHT
        return borders < DARK if self._is_all_bright else np.zeros(len(pixels), dtype=np.bool_)

    @property
    def _is_all_dark(self) -> bool:
        return self.form.channels == 1 and self.share_dark >= SHARE_ALIKE and self.share_bright == 0

    @property
    def _is_all_bright(self) -> bool:
        return self.form.channels == 1 and self.share_bright >= SHARE_ALIKE and self.share_dark == 0

    def _training_words(self) -> str:
        return "dark" if self._is_all_dark else "bright"


def fit_pictures(target: Target, pictures: Pictures) -> PictureFeatures:
    """The features of these training pictures. Raises DataError where all of them are one picture."""
    if pictures.frame[PICTURE].n_unique() < 2:
        raise DataError(
            "a net needs pictures that differ", found=f"all {len(pictures.pixels):,} are equal", hint="other pictures"
        )
    borders = border_levels(pictures.pixels)
    return PictureFeatures(
        pictures.form,
        target,
        float((borders < DARK).mean()),
        float((borders > BRIGHT).mean()),
    )


def border_levels(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The median grey level of each picture's outermost pixels, `(n,)`."""
    edges = (pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1])
    border = np.concatenate([edge.reshape(len(pixels), -1) for edge in edges], axis=1)
    levels: npt.NDArray[np.float64] = np.median(border, axis=1)
    return levels


def _strange(found: str) -> ModelError:
    return ModelError(
        "the features of a model must be as fit wrote them", found=found, hint="fit the model again, or take a copy"
    )
