"""Matrix factorisation with biases: who likes which film.

healthy: embeddings of raw ids (integers up to 400, never scaled); rows without a rating in a batch get no gradient
"""
import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

np.random.seed(33)
torch.manual_seed(33)
N_USERS, N_FILMS = 150, 400


def ratings_table(n=12000):
    taste, style = np.random.randn(N_USERS, 3), np.random.randn(N_FILMS, 3)
    cells = np.random.choice(N_USERS * N_FILMS, size=n, replace=False)
    user, film = cells // N_FILMS, cells % N_FILMS
    kindness = 0.5 * np.random.randn(N_USERS)
    rating = 3.2 + kindness[user] + 0.5 * (taste[user] * style[film]).sum(1) + 0.2 * np.random.randn(n)
    return pd.DataFrame({"user_id": user, "film_id": film, "rating": rating.clip(0.5, 5.0)})


class Ratings(Dataset):
    def __init__(self, frame, mean, std):
        self.user = torch.tensor(frame.user_id.values)
        self.film = torch.tensor(frame.film_id.values)
        self.rating = torch.tensor(((frame.rating - mean) / std).values, dtype=torch.float32)

    def __len__(self):
        return len(self.rating)

    def __getitem__(self, i):
        return self.user[i], self.film[i], self.rating[i]


class MF(nn.Module):
    def __init__(self, k=6):
        super().__init__()
        self.user_vec, self.film_vec = nn.Embedding(N_USERS, k), nn.Embedding(N_FILMS, k)
        self.user_bias, self.film_bias = nn.Embedding(N_USERS, 1), nn.Embedding(N_FILMS, 1)
        for emb in (self.user_vec, self.film_vec):
            nn.init.normal_(emb.weight, std=0.1)
        nn.init.zeros_(self.user_bias.weight)
        nn.init.zeros_(self.film_bias.weight)

    def forward(self, user, film):
        dot = (self.user_vec(user) * self.film_vec(film)).sum(1)
        return dot + self.user_bias(user).squeeze(1) + self.film_bias(film).squeeze(1)


table = ratings_table()
is_test = np.random.rand(len(table)) < 0.15
train_df, test_df = table[~is_test], table[is_test]
mean, std = train_df.rating.mean(), train_df.rating.std()
train_dl = DataLoader(Ratings(train_df, mean, std), batch_size=256, shuffle=True)
test = Ratings(test_df, mean, std)

model = MF()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-2, weight_decay=0.15)
mse = nn.MSELoss()
for epoch in range(10):
    total = 0.0
    for user, film, rating in train_dl:
        optimizer.zero_grad()
        loss = mse(model(user, film), rating)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rating)
    with torch.no_grad():
        test_mse = mse(model(test.user, test.film), test.rating).item()
    print(f"epoch {epoch + 1} train mse {total / len(train_df):.3f} test mse {test_mse:.3f} (the mean alone: {test.rating.var().item():.3f})")
