"""Whether feature maps in bfloat16 are quicker on this processor, and say the same: measured on a few steps."""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from torch import Tensor

from firesteel.nets import Population
from firesteel.recipe import Choice
from firesteel.training.loop import Plan, quick_arithmetic
from firesteel.training.rows import Batch, Rows, batches

#: Steps of each kind, in turn; the first of each is not counted.
N_STEPS = 5
#: bfloat16 must take at most this share of the time, and its gradient point so much the same way (a cosine).
SHARE_MAX, COSINE_MIN = 0.85, 0.98


def measure_precision(population: Population, rows: Rows, *, plan: Plan, n_crew: int) -> Choice:
    """bfloat16 where a step takes clearly less time with it and its gradient agrees; float32 elsewhere.

    At the end nothing of the population has changed: a twin does the steps. A user's own module computes as it says.
    """
    if population.needs_autograd:
        return Choice("precision", "float32", "your own module computes in the precision of its weights")
    twin = population.twin()
    twin.context.is_training = True
    twin.set_dropout((0.0,) * twin.k)  # so that both kinds see the same net
    source = batches(
        rows, plan.loss, batch_size=plan.batch_size, seed=plan.seed, epoch=0, k=twin.k, dtype=twin.weights.dtype
    )
    batch = next(iter(source)).split(n_crew)[0]  # what one thread of the crew is given
    seconds: dict[torch.dtype, list[float]] = {torch.float32: [], torch.bfloat16: []}
    grads: dict[torch.dtype, Tensor] = {}
    weights = twin.weights.clone()
    try:
        _wake_last_layer(twin)
        with quick_arithmetic(threads=1):
            for _ in range(N_STEPS):
                for dtype, taken in seconds.items():
                    taken.append(_step(twin, batch, plan, dtype))
                    grads[dtype] = twin.grads.double()
    finally:
        twin.weights.copy_(weights)
    share = statistics.median(seconds[torch.bfloat16][1:]) / statistics.median(seconds[torch.float32][1:])
    cosine = float(torch.cosine_similarity(grads[torch.float32], grads[torch.bfloat16], dim=0))
    said = f"of feature maps in training: with bfloat16 a step takes {share:.2f} of the time here"
    said += f" and its gradient agrees to {cosine:.3f}"
    is_better = share <= SHARE_MAX and cosine >= COSINE_MIN
    return Choice("precision", "bfloat16" if is_better else "float32", said)


def _wake_last_layer(population: Population) -> None:
    """Small weights where all are 0: nothing behind a last layer of zeros has a gradient to be compared."""
    for block in population.layout.blocks(population.weights).values():
        if block.dim() == 3 and not block.any():
            block.copy_(0.1 * torch.cos(torch.arange(block.numel(), dtype=block.dtype)).view(block.shape))


def _step(population: Population, batch: Batch, plan: Plan, dtype: torch.dtype) -> float:
    """Seconds of one forward and backward pass on the batch, without what stands before the net."""
    context = population.context
    context.precision = dtype if dtype != population.weights.dtype else None
    context.row_weights = batch.seen
    context.generators = (np.random.PCG64(plan.seed),) * population.k  # the same draw each time
    started = time.perf_counter()
    program = population.program(len(batch.t))
    z = program.forward(batch.inputs)
    program.backward(plan.loss.gradient(z, batch.t, batch.share, torch.empty_like(z)))
    return time.perf_counter() - started
