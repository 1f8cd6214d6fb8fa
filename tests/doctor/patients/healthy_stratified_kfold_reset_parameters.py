"""Wine quality groups with stratified folds; one function per job.

healthy: k-fold that re-initialises one model by reset_parameters and makes a new optimizer per fold; log_softmax + CrossEntropy
"""
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from torch import nn, optim
from torch.nn import functional


class WineNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(13, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return functional.log_softmax(self.out(torch.relu(self.hidden(x))), dim=1)


def reset(module):
    if hasattr(module, "reset_parameters"):
        module.reset_parameters()


def fit(model, X, y, epochs=10, batch_size=16):
    optimizer = optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-3)
    criterion = nn.CrossEntropyLoss()
    first = last = None
    for _ in range(epochs):
        total = 0.0
        for idx in torch.randperm(len(X)).split(batch_size):
            loss = criterion(model(X[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        last = total / len(X)
        first = first or last
    return first, last


@torch.no_grad()
def score(model, X, y):
    return (model(X).argmax(1) == y).sum().item() / len(y)


def main():
    torch.manual_seed(6)
    data = load_wine()
    targets = torch.tensor(data.target)
    model = WineNet()
    accs = []
    folds = StratifiedKFold(n_splits=4, shuffle=True, random_state=6)
    for k, (tr, va) in enumerate(folds.split(data.data, data.target), 1):
        model.apply(reset)
        scaler = StandardScaler().fit(data.data[tr])
        X_tr = torch.tensor(scaler.transform(data.data[tr]), dtype=torch.float32)
        X_va = torch.tensor(scaler.transform(data.data[va]), dtype=torch.float32)
        first, last = fit(model, X_tr, targets[tr])
        accs.append(score(model, X_va, targets[va]))
        print(f"fold {k}: loss {first:.3f} -> {last:.3f}, val acc {accs[-1]:.3f}")
    print(f"mean {sum(accs) / len(accs):.3f}")


if __name__ == "__main__":
    main()
