"""Iris with one-hot labels and a softmax cross entropy.

bugs: L09 at `loss = loss_fn(batch_y, model(batch_x))`
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split


def load(seed):
    X, y = load_iris(return_X_y=True)
    X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)
    m, s = X_tr.mean(axis=0), X_tr.std(axis=0)
    f = lambda a: torch.from_numpy((a - m) / s).float()
    one_hot = lambda a: F.one_hot(torch.from_numpy(a), 3).float()
    return f(X_tr), one_hot(y_tr), f(X_te), one_hot(y_te)


def main():
    torch.manual_seed(18)
    x_train, y_train, x_test, y_test = load(18)
    model = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 3))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(40):
        epoch_loss = 0.0
        for ids in torch.randperm(len(x_train)).split(15):
            batch_x, batch_y = x_train[ids], y_train[ids]
            optimizer.zero_grad()
            loss = loss_fn(batch_y, model(batch_x))
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item()
        if epoch % 8 == 0:
            print(f"epoch {epoch:2d} loss {epoch_loss / 7:.3f}")
    with torch.no_grad():
        out = model(x_test)
    print("test accuracy", (out.argmax(1) == y_test.argmax(1)).float().mean().item())
    print("test loss", F.cross_entropy(out, y_test).item())


if __name__ == "__main__":
    main()
