"""Wine, minibatches through a generator function.

bugs: A08 at `for i in range(0, len(x) - size, size):`; S05 at `for i in range(0, len(x) - size, size):`
"""
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn, optim


def batches(x, y, size):
    for i in range(0, len(x) - size, size):
        yield x[i:i + size], y[i:i + size]


class WineModel(nn.Module):
    def __init__(self, layers=(13, 20, 3)):
        super().__init__()
        self.first = nn.Linear(layers[0], layers[1])
        self.last = nn.Linear(layers[1], layers[2])

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)))


def main():
    torch.manual_seed(18)
    X, y = load_wine(return_X_y=True)
    x_tr, x_te, y_tr, y_te = train_test_split(X, y, train_size=120, random_state=18, stratify=y)
    sc = StandardScaler().fit(x_tr)
    x_tr, x_te = (torch.tensor(sc.transform(a), dtype=torch.float32) for a in (x_tr, x_te))
    y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)

    m = WineModel()
    ce = nn.CrossEntropyLoss()
    optimizer = optim.Adam(m.parameters(), lr=0.01)
    for epoch in range(25):
        m.train()
        seen, total = 0, 0.0
        for bx, by in batches(x_tr, y_tr, 20):
            optimizer.zero_grad()
            loss = ce(m(bx), by)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(by)
            seen += len(by)
        if epoch % 5 == 0:
            print(f"epoch {epoch:2d} loss {total / seen:.4f}")
    m.eval()
    with torch.no_grad():
        print("accuracy", (m(x_te).argmax(1) == y_te).float().mean().item())


main()
