"""Noisy classification with a checkpoint of the best epoch.

bugs: V07 at `if test_acc > best_acc:` or `test_acc = evaluate(model, test_loader)`
"""
import copy

import torch
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def get_loaders(seed):
    X, y = make_classification(800, 16, n_informative=6, flip_y=0.1, class_sep=0.9, random_state=seed)
    Xtr, Xte, ytr, yte = train_test_split(X, y, test_size=0.2, random_state=seed)
    mean, std = Xtr.mean(0), Xtr.std(0)
    f = lambda a: torch.tensor((a - mean) / std, dtype=torch.float32)
    train = TensorDataset(f(Xtr), torch.tensor(ytr))
    test = TensorDataset(f(Xte), torch.tensor(yte))
    return DataLoader(train, 32, shuffle=True), DataLoader(test, 160)


def evaluate(model, loader):
    model.eval()
    ok = n = 0
    with torch.no_grad():
        for x, y in loader:
            ok += (model(x).argmax(1) == y).sum().item()
            n += y.numel()
    return ok / n


def main():
    torch.manual_seed(2)
    train_loader, test_loader = get_loaders(2)
    model = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Dropout(0.2), nn.Linear(24, 2))
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=0.005, weight_decay=1e-4)
    best_acc, best_state = 0.0, None
    for epoch in range(20):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        test_acc = evaluate(model, test_loader)
        if test_acc > best_acc:
            best_acc = test_acc
            best_state = copy.deepcopy(model.state_dict())
            print(f"epoch {epoch}: new best {best_acc:.4f}")
    model.load_state_dict(best_state)
    print(f"Final test accuracy: {evaluate(model, test_loader):.4f}")


if __name__ == "__main__":
    main()
