"""Why weights lie as (d_in, d_out), members block by block, and dropout draws from PCG64: the products and draws alone.

    python benchmarks/products.py

Interleaved rounds in one run, one thread, medians; rows are added to benchmarks/results/products.csv.
"""

from __future__ import annotations

import csv
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

RESULTS = Path(__file__).parent / "results" / "products.csv"
N_ROUNDS, N_CALLS = 15, 100

Case = tuple[str, str, Callable[[], object], str, Callable[[], object]]


def cases() -> list[Case]:
    """Name, what we do, its call, what else could be done, its call."""
    x, dy, out = torch.randn(64, 784), torch.randn(64, 128), torch.empty(64, 128)
    ours, theirs = torch.randn(784, 128), torch.randn(128, 784)
    k = 32
    hidden, blocks = torch.randn(k, 64, 64), torch.randn(k, 64, 64)
    whole, members = torch.empty(k, 64, 64), torch.empty(k, 64 * 64 + 100)
    strided = members[:, : 64 * 64].view(k, 64, 64)
    mask, values = torch.empty(191, 128), 191 * 128
    kept, bits = np.empty((191, 128), dtype=np.bool_), np.random.PCG64(0)
    generator = torch.Generator()

    def draw_bits() -> None:
        words = bits.random_raw(-(-values // 4)).view(np.int16)[:values].reshape(191, 128)
        np.greater_equal(words, -22938, out=kept)
        mask.copy_(torch.from_numpy(kept.view(np.uint8))).mul_(1 / 0.85)

    return [
        ("forward 64x784 by 784x128", "x @ W, W (d_in, d_out)", lambda: torch.mm(x, ours, out=out),
         "x @ W.T, W (d_out, d_in)", lambda: torch.mm(x, theirs.t(), out=out)),
        ("gradient by W", "x.T @ dy", lambda: torch.mm(x.t(), dy), "dy.T @ x", lambda: torch.mm(dy.t(), x)),
        ("32 products 64x64", "into a block per param", lambda: torch.bmm(hidden, blocks, out=whole),
         "into a row per member", lambda: torch.bmm(hidden, blocks, out=strided)),
        ("dropout mask 191x128", "16 bits of PCG64 a value", draw_bits,
         "Tensor.bernoulli_", lambda: mask.bernoulli_(0.85, generator=generator).mul_(1 / 0.85)),
    ]  # fmt: skip


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    for _ in range(N_CALLS):
        call()
    return (time.perf_counter() - start) / N_CALLS


def main() -> int:
    torch.set_num_threads(1)
    rows = []
    for name, our_word, ours, their_word, theirs in cases():
        seconds_of(ours), seconds_of(theirs)
        pairs = [(seconds_of(ours), seconds_of(theirs)) for _ in range(N_ROUNDS)]
        mine, other = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{name:<26} {our_word:<26} {mine * 1e6:8.1f} us   "
            f"{their_word:<26} {other * 1e6:8.1f} us   {mine / other:.2f}"
        )
        rows.append([name, our_word, f"{mine:.3g}", their_word, f"{other:.3g}", f"{mine / other:.3f}"])
    is_new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["date", "torch", "machine", "rounds", "case", "ours", "s", "other", "s", "ratio"])
        machine = f"{platform.machine()}, {os.cpu_count()} cores"
        for row in rows:
            writer.writerow([datetime.now(UTC).strftime("%Y-%m-%d"), torch.__version__, machine, N_ROUNDS, *row])
    return 0


if __name__ == "__main__":
    sys.exit(main())
