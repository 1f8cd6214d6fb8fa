"""Going deep: a stack of sigmoid layers on the breast cancer table.

bugs: D07 at `blocks += [nn.Linear(width, width), nn.Sigmoid()]`
"""
import torch
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def build(depth=5, width=20):
    blocks = [nn.Linear(30, width), nn.Sigmoid()]
    for _ in range(depth):
        blocks += [nn.Linear(width, width), nn.Sigmoid()]
    blocks.append(nn.Linear(width, 2))
    return nn.Sequential(*blocks)


def main():
    torch.manual_seed(4)
    X, y = load_breast_cancer(return_X_y=True)
    X_tr, X_te, y_tr, y_te = train_test_split(X, y, test_size=0.25, random_state=4, stratify=y)
    sc = StandardScaler()
    X_tr = torch.tensor(sc.fit_transform(X_tr), dtype=torch.float32)
    X_te = torch.tensor(sc.transform(X_te), dtype=torch.float32)
    y_tr, y_te = torch.tensor(y_tr), torch.tensor(y_te)
    loader = DataLoader(TensorDataset(X_tr, y_tr), batch_size=32, shuffle=True)

    model = build()
    crit = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    for epoch in range(20):
        running = 0.0
        for xb, yb in loader:
            optimizer.zero_grad()
            loss = crit(model(xb), yb)
            loss.backward()
            optimizer.step()
            running += loss.item()
        if epoch % 4 == 0:
            first = model[0].weight.grad.norm().item()
            print(f"epoch {epoch} loss {running / len(loader):.4f} grad of first layer {first:.2e}")
    with torch.no_grad():
        print("test accuracy:", (model(X_te).argmax(1) == y_te).float().mean().item())


if __name__ == "__main__":
    main()
