"""Mixed precision on the CPU, the whole ritual.

healthy: autocast in bfloat16 with a GradScaler: scale, unscale_, clip, step, update in the right order
"""
import torch
from torch import nn
from torch.amp import GradScaler, autocast
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
centers = torch.randn(5, 20) * 0.6


def blobs(n):
    lab = torch.randint(0, 5, (n,))
    return TensorDataset(centers[lab] + torch.randn(n, 20), lab)


train_ds, valid_ds = blobs(2000), blobs(500)
train_dl = DataLoader(train_ds, batch_size=100, shuffle=True)
valid_dl = DataLoader(valid_ds, batch_size=250)

net = nn.Sequential(nn.Linear(20, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 5))
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-3)
scaler = GradScaler("cpu")
ce = nn.CrossEntropyLoss()


@torch.no_grad()
def validate():
    right = 0
    for x, t in valid_dl:
        with autocast("cpu", dtype=torch.bfloat16):
            out = net(x)
        right += (out.argmax(1) == t).sum().item()
    return right / len(valid_ds)


print("before", validate())
for epoch in range(5):
    total = 0.0
    for x, t in train_dl:
        optimizer.zero_grad(set_to_none=True)
        with autocast("cpu", dtype=torch.bfloat16):
            out = net(x)
            loss = ce(out, t)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        scaler.step(optimizer)
        scaler.update()
        total += loss.item() * len(x)
    print(f"epoch {epoch} loss {total / len(train_ds):.4f} valid {validate():.3f}")
