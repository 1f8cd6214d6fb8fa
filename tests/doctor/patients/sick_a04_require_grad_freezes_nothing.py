"""Transfer: an encoder trained on digits 0-4 is frozen, a new head learns digits 5-9.

bugs: A04 at `p.require_grad = False`
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def run(model, loader, optimizer, epochs):
    criterion = nn.CrossEntropyLoss()
    model.train()
    for epoch in range(epochs):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        if epoch % 4 == 0:
            print(f"  epoch {epoch} loss {total / len(loader.dataset):.4f}")


def subset(low, high, x, y):
    keep = (y >= low) & (y < high)
    a, b = x[keep], y[keep] - low
    p = torch.randperm(len(a))
    a, b = a[p], b[p]
    n = int(0.75 * len(a))
    return DataLoader(TensorDataset(a[:n], b[:n]), batch_size=32, shuffle=True), a[n:], b[n:]


def main():
    torch.manual_seed(44)
    d = load_digits()
    x, y = torch.tensor(d.data / 16, dtype=torch.float32), torch.tensor(d.target)
    source, sx, sy = subset(0, 5, x, y)
    target, tx, ty = subset(5, 10, x, y)

    encoder = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU())
    first = nn.Sequential(encoder, nn.Linear(24, 5))
    print("source task")
    run(first, source, torch.optim.Adam(first.parameters(), lr=3e-3), 12)

    for p in encoder.parameters():
        p.require_grad = False
    before = encoder[0].weight.clone()
    second = nn.Sequential(encoder, nn.Linear(24, 5))
    trainable = [p for p in second.parameters() if p.requires_grad]
    print("target task")
    run(second, target, torch.optim.Adam(trainable, lr=3e-3), 12)
    second.eval()
    with torch.no_grad():
        print("target accuracy", (second(tx).argmax(1) == ty).float().mean().item())
        print("encoder moved by", (encoder[0].weight - before).norm().item())


if __name__ == "__main__":
    main()
