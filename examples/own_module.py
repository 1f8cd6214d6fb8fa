"""A network of your own, with firesteel's split, preprocessing, training, scores and baselines.

firesteel hands the module one tensor `(batch, d_in)`: every number imputed and scaled, every category as 0 and 1.
It wants `(batch, d_out)` back: one number for a regression or two classes, one logit per class for more.
"""

from __future__ import annotations

import tempfile

import torch
from torch import Tensor, nn

import firesteel


class Residual(nn.Module):
    """Blocks whose answer is added to what came in, so that deep nets still learn."""

    def __init__(self, d_in: int, d_out: int, *, d_hidden: int = 64, n_blocks: int = 3) -> None:
        super().__init__()
        self.first = nn.Linear(d_in, d_hidden)
        self.blocks = nn.ModuleList(nn.Sequential(nn.SiLU(), nn.Linear(d_hidden, d_hidden)) for _ in range(n_blocks))
        self.last = nn.Linear(d_hidden, d_out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.last(torch.relu(x))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/residual"
        # The class, not an object: firesteel knows d_in and d_out once it has read the table.
        model = firesteel.fit("breast-cancer", net=Residual, output=run)
        for standing in model.report.standings:
            score = standing.score
            print(f"{standing.label:<20} {score.value:.3f}  {score.low:.3f} to {score.high:.3f}")
        # A run folder holds weights and no code, so loading needs the class again.
        loaded = firesteel.load(run, net=Residual)
        print(firesteel.predict(loaded, "breast-cancer").frame.head(3))


if __name__ == "__main__":
    main()
