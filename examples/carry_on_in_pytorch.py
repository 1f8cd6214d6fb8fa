"""Carry on in plain PyTorch: firesteel trains, then a loop of your own trains on with rows that came later."""

from __future__ import annotations

import polars as pl
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import firesteel

N_FIRST, N_LATER = 300, 1000  # of 1,797 rows; what is left tests the net before and after
N_EPOCHS, BATCH_SIZE, LR = 10, 50, 0.001


def encode(model: firesteel.Model, frame: pl.DataFrame) -> tuple[Tensor, Tensor]:
    """Raw rows as the two tensors that the net reads: numbers (NaN = missing) and codes of categories."""
    batch = model.encode(frame)
    return torch.from_numpy(batch.x_num), torch.from_numpy(batch.x_cat)


def accuracy(net: nn.Module, inputs: tuple[Tensor, Tensor], y: Tensor) -> float:
    net.eval()
    with torch.no_grad():
        return (net(*inputs).argmax(1) == y).float().mean().item()


def train_on(member: nn.Module, inputs: tuple[Tensor, Tensor], y: Tensor) -> None:
    """The loop that you know: logits, loss, gradient, step."""
    optimizer = torch.optim.AdamW(member.parameters(), lr=LR)
    member.train()
    for _ in range(N_EPOCHS):
        for rows in torch.randperm(len(y)).split(BATCH_SIZE):
            logits = member(inputs[0][rows], inputs[1][rows])
            loss = nn.functional.cross_entropy(logits, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def main() -> None:
    torch.manual_seed(0)
    X, y = load_digits(return_X_y=True)
    frame = pl.DataFrame(X).with_columns(target=pl.Series(y)).sample(fraction=1, shuffle=True, seed=0)
    first, later, last = frame[:N_FIRST], frame[N_FIRST : N_FIRST + N_LATER], frame[N_FIRST + N_LATER :]

    model = firesteel.fit(first, "target", baselines=False)
    net = model.net  # an nn.Module: five members, the preprocessing in each, their average as the answer
    inputs, truth = encode(model, last), torch.tensor(last["target"].to_list())
    print(f"accuracy on {len(truth)} rows after fit:         {accuracy(net, inputs, truth):.3f}")
    for member in net.members:
        train_on(member, encode(model, later), torch.tensor(later["target"].to_list()))
    print(f"accuracy on {len(truth)} rows after carrying on: {accuracy(net, inputs, truth):.3f}")


if __name__ == "__main__":
    main()
