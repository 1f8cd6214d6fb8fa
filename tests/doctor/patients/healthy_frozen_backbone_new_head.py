"""Transfer learning in miniature: train on digits 0-4, freeze the backbone, a new head for digits 5-9.

healthy: frozen backbone fine-tuning; only the head's parameters are given to the second optimizer, the frozen BatchNorm stays in eval
"""
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(42)

X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
y = torch.tensor(y)


def make_loaders(digits):
    keep = torch.isin(y, torch.tensor(digits))
    images, labels = X[keep], y[keep] - digits[0]
    order = torch.randperm(len(images))
    cut = int(0.75 * len(order))
    train = TensorDataset(images[order[:cut]], labels[order[:cut]])
    test = TensorDataset(images[order[cut:]], labels[order[cut:]])
    return DataLoader(train, batch_size=32, shuffle=True), DataLoader(test, batch_size=128)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        )
        self.head = nn.Linear(128, 5)

    def forward(self, x):
        return self.head(self.backbone(x))


def accuracy(model, loader):
    model.eval()
    with torch.no_grad():
        hits = sum((model(x).argmax(1) == t).sum().item() for x, t in loader)
    return hits / len(loader.dataset)


def fit(model, loaders, optimizer, epochs, frozen=False):
    train_loader, test_loader = loaders
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        if frozen:
            model.backbone.eval()
        total = 0.0
        for x, t in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), t)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        print(f"{epoch}: loss {total / len(train_loader.dataset):.3f}  val acc {accuracy(model, test_loader):.3f}")


model = Classifier()
print("pretraining on 0..4")
fit(model, make_loaders([0, 1, 2, 3, 4]), torch.optim.Adam(model.parameters(), lr=3e-3), epochs=4)

for p in model.backbone.parameters():
    p.requires_grad = False
model.head = nn.Linear(128, 5)
print("fine-tuning the head on 5..9")
fit(model, make_loaders([5, 6, 7, 8, 9]), torch.optim.Adam(model.head.parameters(), lr=1e-2), epochs=10, frozen=True)
