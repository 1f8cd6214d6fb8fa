"""A run that is being trained: its recipe and checkpoint lie beside its place until the run is written as a whole."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from firesteel.data import Table, fingerprint
from firesteel.errors import ModelError
from firesteel.model.folder import MODEL
from firesteel.nets import ModuleSource, source_words
from firesteel.recipe import Recipe

ENDING = ".unfinished"


def run_key_of(asked: Recipe, table: Table, *, test: Table | None, source: ModuleSource | None) -> str:
    """Changes with everything that training depends on; rows that equal a test row are not trained on."""
    tables = [fingerprint(one) for one in (table, test) if one is not None]
    text = "\n".join([asked.to_toml(), *tables, source_words(source), version("firesteel")])
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Unfinished:
    """The folder `RUN.unfinished` of the run at `place`."""

    place: Path

    @classmethod
    def find(cls, run: str | Path) -> Unfinished:
        """The unfinished run at this place. Raises ModelError when there is nothing to go on with."""
        unfinished = cls(Path(run))
        if not unfinished.recipe.is_file():
            is_done = (Path(run) / MODEL).is_file()
            raise ModelError(
                "only an unfinished run can be resumed",
                found=f"'{run}' is finished" if is_done else f"there is no '{unfinished.folder}'",
                hint=f"firesteel show {run}" if is_done else f"firesteel fit FILE --target COLUMN -o {run}",
            )
        return unfinished

    @property
    def folder(self) -> Path:
        has_name = self.place.name not in ("", "..")  # "." has none
        place = self.place if has_name else Path(os.path.realpath(self.place))
        return place.with_name(place.name + ENDING)

    @property
    def recipe(self) -> Path:
        return self.folder / "recipe.toml"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.safetensors"

    def check(self, *, may_exist: bool) -> None:
        """Raises ModelError when an unfinished run would be lost."""
        if self.folder.exists() and not may_exist:
            raise ModelError(
                "an unfinished run is not thrown away unasked",
                found=f"'{self.folder}' is there",
                hint=f"--resume {self.place}     goes on with it; --force starts anew",
            )

    @contextmanager
    def begun(self, recipe: Recipe, *, is_resumed: bool) -> Iterator[Path]:
        """The path of the checkpoint, in a folder that says what is being trained; when the run is written it goes.

        It stays when training stops before that, with a checkpoint to go on from. Raises ModelError.
        """
        new_parents = [folder for folder in self.folder.parents if not folder.exists()]
        is_written = False
        try:
            self._begin(recipe, is_resumed=is_resumed)
            yield self.checkpoint
            is_written = True
        finally:
            if is_written or not (is_resumed or self.checkpoint.exists()):
                shutil.rmtree(self.folder, ignore_errors=True)
                for parent in new_parents:
                    with suppress(OSError):  # the run is in it
                        parent.rmdir()

    def _begin(self, recipe: Recipe, *, is_resumed: bool) -> None:
        try:
            if self.folder.exists() and not is_resumed:
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            self.recipe.write_text(recipe.to_toml(), encoding="utf-8")
        except OSError as error:
            raise ModelError(
                "a run needs a folder to write to", found=f"'{self.folder}': {error.strerror}", hint="-o ANOTHER_FOLDER"
            ) from None
