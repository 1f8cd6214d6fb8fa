"""LSTM that tells rising from falling sequences.

bugs: O03 at `optimizer.step()` or `loss = criterion(logits, labels)`
"""
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Walks(Dataset):
    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        self.label = torch.randint(0, 2, (n,), generator=g)
        drift = (self.label.float() * 2 - 1) * 0.25
        steps = torch.randn(n, 15, generator=g) * 0.6 + drift.unsqueeze(1)
        self.walk = (steps.cumsum(1) / 3).unsqueeze(-1)

    def __getitem__(self, i):
        return self.walk[i], self.label[i]

    def __len__(self):
        return len(self.label)


class WalkClassifier(nn.Module):
    def __init__(self, hidden_size=12):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, 2)

    def forward(self, walk):
        _, (h_n, _) = self.lstm(walk)
        return self.linear(h_n[-1])


def main():
    torch.manual_seed(4)
    train_loader = DataLoader(Walks(400, 9), batch_size=40, shuffle=True)
    test_loader = DataLoader(Walks(120, 10), batch_size=120)
    model = WalkClassifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(8):
        mean_loss = 0.0
        for walks, labels in train_loader:
            optimizer.zero_grad()
            logits = model(walks)
            loss = criterion(logits, labels)
            optimizer.step()
            mean_loss += loss.item() / len(train_loader)
        print(f"Epoch: {epoch + 1} \tLoss: {mean_loss:.6f}")
    with torch.no_grad():
        for walks, labels in test_loader:
            print("accuracy", (model(walks).argmax(1) == labels).float().mean().item())


main()
