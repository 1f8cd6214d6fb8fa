"""Breast cancer with softmax regression plus one hidden layer, fitted by L-BFGS.

healthy: a closure (LBFGS) which calls zero_grad and backward many times per step; the same full batch each time
"""
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


def load(seed):
    X, y = load_breast_cancer(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    s = StandardScaler().fit(X_train)
    return (torch.tensor(s.transform(X_train), dtype=torch.float32), torch.tensor(y_train),
            torch.tensor(s.transform(X_test), dtype=torch.float32), torch.tensor(y_test))


def main():
    torch.manual_seed(0)
    X_train, y_train, X_test, y_test = load(seed=0)
    model = nn.Sequential(nn.Linear(30, 8), nn.Tanh(), nn.Linear(8, 2))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=1, max_iter=5, history_size=10, line_search_fn="strong_wolfe")

    def penalty():
        return sum((w ** 2).sum() for n, w in model.named_parameters() if n.endswith("weight"))

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(X_train), y_train) + 5e-3 * penalty()
        loss.backward()
        return loss

    for i in range(6):
        loss = optimizer.step(closure)
        with torch.no_grad():
            out = model(X_test)
            test_loss = criterion(out, y_test).item()
            acc = (out.argmax(dim=1) == y_test).float().mean().item()
        print(f"outer step {i + 1:2d} objective {loss.item():.4f} test loss {test_loss:.4f} test acc {acc:.3f}")


if __name__ == "__main__":
    main()
