"""The bar while training goes on; nothing at all where the output is not a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

OnReading: TypeAlias = Callable[[int, int], None]

if TYPE_CHECKING:
    from firesteel.training import Observer, Sight


@contextlib.contextmanager
def training_bar(*, is_quiet: bool) -> Iterator[tuple[Observer | None, OnReading | None]]:
    """What draws epoch, losses and time left on standard error, and before that how many pictures are read.

    Both are cleared at the end.
    """
    if is_quiet or not sys.stderr.isatty():
        yield None, None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("epoch {task.fields[epoch]}"), BarColumn(bar_width=24), TextColumn("{task.fields[losses]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", epoch="1", losses="reading and encoding", total=1.0)

        def observe(sight: Sight) -> None:
            epoch = f"{min(int(sight.epochs_done) + 1, sight.epochs)}/{sight.epochs}"
            bar.update(task, completed=sight.epochs_done / sight.epochs, epoch=epoch, losses=_losses(sight))

        def on_reading(n_done: int, n_all: int) -> None:
            bar.update(task, completed=n_done / max(1, n_all), losses=f"reading pictures: {n_done:,} of {n_all:,}")

        yield observe, on_reading


def _losses(sight: Sight) -> str:
    if sight.epochs_done >= sight.epochs:
        return "checking on test rows, beside the baselines"
    left = f"{sight.seconds_left:.0f} s left"
    if sight.train_loss is None or sight.val_loss is None:
        return left
    return f"train {sight.train_loss:.4f}  val {sight.val_loss:.4f}  {left}"
