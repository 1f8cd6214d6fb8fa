"""How many bikes are rented in an hour? A count regression.

healthy: a ReLU on the output with targets that are counts >= 0; bias starts at the mean, so it is alive
"""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split


class BikeHours(Dataset):
    def __init__(self, n=1500, seed=5):
        rng = np.random.default_rng(seed)
        hour = rng.uniform(0, 24, n)
        temp = rng.normal(0, 1, n)
        rain = rng.binomial(1, 0.2, n)
        rate = np.exp(0.6 + 0.9 * np.sin((hour - 8) * np.pi / 12) + 0.35 * temp - 0.8 * rain)
        self.x = np.stack(
            [np.sin(hour * np.pi / 12), np.cos(hour * np.pi / 12), temp, rain], axis=1
        ).astype(np.float32)
        self.y = rng.poisson(rate).astype(np.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return torch.from_numpy(self.x[i]), torch.tensor([self.y[i]])


class Counter(nn.Module):
    def __init__(self, start):
        super().__init__()
        self.hidden = nn.Linear(4, 32)
        self.out = nn.Linear(32, 1)
        nn.init.constant_(self.out.bias, start)

    def forward(self, x):
        x = torch.tanh(self.hidden(x))
        return torch.relu(self.out(x))


def main():
    torch.manual_seed(5)
    data = BikeHours()
    train, test = random_split(data, [1200, 300], generator=torch.Generator().manual_seed(5))
    mean_count = data.y[train.indices].mean()
    net = Counter(float(mean_count))
    crit = nn.MSELoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.005)
    for epoch in range(12):
        total = 0.0
        for x, y in DataLoader(train, batch_size=50, shuffle=True):
            optimizer.zero_grad(set_to_none=False)
            loss = crit(net(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        if epoch % 3 == 2:
            print("epoch", epoch + 1, "mse", total / len(train))

    sq, base = 0.0, 0.0
    with torch.no_grad():
        for x, y in DataLoader(test, batch_size=100):
            sq += ((net(x) - y) ** 2).sum().item()
            base += ((mean_count - y) ** 2).sum().item()
    print(f"test mse {sq / len(test):.3f}, always the mean {base / len(test):.3f}")


if __name__ == "__main__":
    main()
