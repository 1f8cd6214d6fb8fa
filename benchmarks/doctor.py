"""What the doctor costs: the same training scripts with and without it, interleaved, one thread, medians.

    python benchmarks/doctor.py

Each script takes the time of its own loop. `ratio` = with the doctor / without; `judging_s` = from the script's end to
the diagnosis. Rows are added to benchmarks/results/doctor.csv.
"""

from __future__ import annotations

import runpy
import statistics
import tempfile
from pathlib import Path

import torch

from firesteel.doctor import examine
from provenance import keep

N_ROUNDS = 7

SCRIPT = """
import time
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(0)
{data}
{net}
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
perm = torch.randperm(len(x))
began = time.perf_counter()
n = 0
while n < {steps}:
    for i in range(0, len(x) - {batch} + 1, {batch}):
        rows = perm[i : i + {batch}]
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        n += 1
        if n == {steps}:
            break
loop_s = time.perf_counter() - began
net.eval()
with torch.no_grad():
    accuracy = (net(x[:256]).argmax(1) == y[:256]).float().mean().item()
"""

MLP = SCRIPT.format(
    data="x = torch.randn(6400, 64); y = (x @ torch.randn(64, 10)).argmax(1)",
    net="net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))",
    batch=64, steps=3000,
)  # fmt: skip
CNN = SCRIPT.format(
    data="x = torch.randn(2048, 1, 28, 28); y = (x.mean((1, 2, 3)) > 0).long()",
    net=(
        "net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2), "
        "nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32 * 49, 10))"
    ),
    batch=64, steps=150,
)  # fmt: skip
CASES = {"mlp": (MLP, 3000, 1.2), "cnn": (CNN, 150, 1.08)}


def measure(name: str, script: str, n_steps: int, bar: float) -> dict[str, object]:
    """Interleaved rounds of one script."""
    plain: list[float] = []
    watched: list[float] = []
    judging: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(script, encoding="utf-8")
        timed = path.with_name("timed.py")
        timed.write_text(script + f"\nopen({str(path) + '.s'!r}, 'w').write(str(loop_s))\n", encoding="utf-8")
        for _ in range(N_ROUNDS):
            plain.append(runpy.run_path(str(path))["loop_s"])
            judging.append(examine(timed).judging_s)
            watched.append(float(Path(f"{path}.s").read_text(encoding="utf-8")))
    ratios = [with_it / without for with_it, without in zip(watched, plain, strict=True)]
    ratio = statistics.median(watched) / statistics.median(plain)
    return {
        "case": name,
        "step_ms": round(1000 * statistics.median(plain) / n_steps, 3),
        "n_steps": n_steps,
        "n": N_ROUNDS,
        "ratio": round(ratio, 3),
        "least": round(min(ratios), 3),
        "most": round(max(ratios), 3),
        "bar": bar,
        "judging_s": round(max(judging), 2),
    }


def main() -> None:
    torch.set_num_threads(1)
    for name, case in CASES.items():
        row = measure(name, *case)
        print(row)
        keep("doctor", row, packages=("torch",))


if __name__ == "__main__":
    main()
