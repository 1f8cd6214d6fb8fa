"""Diabetes progression with a regression network; the target is standardised too.

bugs: L04 at `x = F.relu(self.predict(x))`
"""
import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(torch.nn.Module):
    def __init__(self, n_feature, n_hidden, n_output):
        super(Net, self).__init__()
        self.hidden = nn.Linear(n_feature, n_hidden)
        self.predict = nn.Linear(n_hidden, n_output)

    def forward(self, x):
        x = F.relu(self.hidden(x))
        x = F.relu(self.predict(x))
        return x


def main():
    torch.manual_seed(10)
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y.reshape(-1, 1), test_size=0.25, random_state=10)
    xs, ys = StandardScaler().fit(X_train), StandardScaler().fit(y_train)
    X_train, X_test = (torch.tensor(xs.transform(a), dtype=torch.float32) for a in (X_train, X_test))
    y_train, y_test = (torch.tensor(ys.transform(a), dtype=torch.float32) for a in (y_train, y_test))

    net = Net(n_feature=10, n_hidden=16, n_output=1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    loss_func = nn.MSELoss()
    loader = DataLoader(TensorDataset(X_train, y_train), batch_size=33, shuffle=True)
    for t in range(30):
        s = 0.0
        for bx, by in loader:
            prediction = net(bx)
            loss = loss_func(prediction, by)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            s += loss.item()
        if t % 6 == 5:
            print("epoch", t + 1, "mse", s / len(loader))

    with torch.no_grad():
        out = net(X_test)
        print("test mse", F.mse_loss(out, y_test).item(), "smallest prediction", out.min().item())


main()
