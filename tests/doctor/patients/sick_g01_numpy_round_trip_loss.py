"""Regression with a metric of my own: the mean absolute percentage error.

bugs: G01 at `predicted = output.detach().numpy()` or `return torch.tensor(error, requires_grad=True)` or `loss = mape(out, target)`
"""
import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

SEED = 35


def mape(output, target):
    predicted = output.detach().numpy()
    actual = target.numpy()
    error = np.mean(np.abs(actual - predicted) / np.abs(actual))
    return torch.tensor(error, requires_grad=True)


def make_data(n):
    x = np.random.uniform(-1, 1, (n, 3)).astype(np.float32)
    y = 2.0 + x[:, 0] + 0.5 * x[:, 1] * x[:, 2] + 0.05 * np.random.randn(n)
    return torch.from_numpy(x), torch.from_numpy(y.astype(np.float32)).reshape(-1, 1)


def test(model, x, y):
    model.eval()
    with torch.no_grad():
        return mape(model(x), y).item()


def main():
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    train_x, train_y = make_data(400)
    test_x, test_y = make_data(100)
    model = nn.Sequential(nn.Linear(3, 20), nn.ReLU(), nn.Linear(20, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    loader = DataLoader(TensorDataset(train_x, train_y), batch_size=25, shuffle=True)
    print("before", test(model, test_x, test_y))
    for epoch in range(12):
        model.train()
        history = []
        for data, target in loader:
            optimizer.zero_grad()
            out = model(data)
            loss = mape(out, target)
            loss.backward()
            optimizer.step()
            history.append(loss.item())
        if epoch % 3 == 0:
            print("epoch", epoch, "mape", np.mean(history))
    print("after", test(model, test_x, test_y))


if __name__ == "__main__":
    main()
