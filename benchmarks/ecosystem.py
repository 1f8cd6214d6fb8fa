"""Healthy training programs of other libraries under the doctor: no error may be found in them.

    pip install skorch lightning pytorch-tabnet transformers accelerate sentence-transformers
    python benchmarks/ecosystem.py

Each program trains that library's own loop on tiny data. What is not installed is said and left out. Rows are added to
benchmarks/results/ecosystem.csv; ends with 1 if an error was found.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import warnings
from pathlib import Path

from firesteel.doctor import examine
from provenance import keep

TABLE = """
import numpy as np
import torch
from sklearn.datasets import load_wine
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
torch.manual_seed(0)
np.random.seed(0)
X, y = load_wine(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0, stratify=y)
scaler = StandardScaler().fit(X_train)
X_train, X_test = (scaler.transform(part).astype(np.float32) for part in (X_train, X_test))
"""

PROGRAMS = {
    "skorch": TABLE + """
from torch import nn
from skorch import NeuralNetClassifier
net = NeuralNetClassifier(
    nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3)), criterion=nn.CrossEntropyLoss,
    max_epochs=20, lr=0.1, batch_size=32, iterator_train__shuffle=True, verbose=0,
)
net.fit(X_train, y_train.astype(np.int64))
print("accuracy", net.score(X_test, y_test))
""",
    "lightning": TABLE + """
import logging
import lightning as L
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
class Wine(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(13, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 3))
    def training_step(self, batch, i):
        x, y = batch
        return nn.functional.cross_entropy(self.net(x), y)
    def validation_step(self, batch, i):
        x, y = batch
        self.log("accuracy", (self.net(x).argmax(1) == y).float().mean())
    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=1e-2)
        return [optimizer], [torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 15)]
def loader(x, y, shuffle):
    return DataLoader(TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=32, shuffle=shuffle)
trainer = L.Trainer(max_epochs=15, logger=False, enable_checkpointing=False, enable_progress_bar=False,
                    enable_model_summary=False, accelerator="cpu", gradient_clip_val=1.0)
trainer.fit(Wine(), loader(X_train, y_train, True), loader(X_test, y_test, False))
print(trainer.callback_metrics)
""",
    "pytorch_tabnet": TABLE + """
from pytorch_tabnet.tab_model import TabNetClassifier
net = TabNetClassifier(seed=0, verbose=0, n_d=8, n_a=8, optimizer_params={"lr": 2e-2})
net.fit(X_train, y_train, eval_set=[(X_test, y_test)], max_epochs=40, patience=40, batch_size=32, virtual_batch_size=16)
print("accuracy", (net.predict(X_test) == y_test).mean())
""",
    "transformers": """
import numpy as np
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
torch.manual_seed(0)
rng = np.random.default_rng(0)
def rows(n):
    ids = rng.integers(5, 60, (n, 12))
    labels = (ids < 20).sum(1) > 3
    return [{"input_ids": torch.tensor(i), "attention_mask": torch.ones(12, dtype=torch.long), "labels": int(l)}
            for i, l in zip(ids, labels)]
config = BertConfig(vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
                    max_position_embeddings=16, num_labels=2)
net = BertForSequenceClassification(config)
import tempfile
arguments = TrainingArguments(output_dir=tempfile.mkdtemp(), num_train_epochs=4, per_device_train_batch_size=16,
                              learning_rate=1e-3, report_to=[], save_strategy="no", eval_strategy="epoch", seed=0,
                              logging_strategy="no", disable_tqdm=True, use_cpu=True)
trainer = Trainer(net, arguments, train_dataset=rows(256), eval_dataset=rows(64),
                  compute_metrics=lambda p: {"accuracy": (p.predictions.argmax(1) == p.label_ids).mean()})
trainer.train()
print(trainer.evaluate())
""",
    "sentence_transformers": """
import tempfile
import torch
from datasets import Dataset
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers import losses, models
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
torch.manual_seed(0)
words = "[PAD] [UNK] [CLS] [SEP] red green blue car boat plane fast slow big small".split()
tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = Whitespace()
folder = tempfile.mkdtemp()
PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                        sep_token="[SEP]").save_pretrained(folder)
BertModel(BertConfig(vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
                     intermediate_size=64, max_position_embeddings=32)).save_pretrained(folder)
net = SentenceTransformer(modules=[models.Transformer(folder, max_seq_length=16), models.Pooling(32)], device="cpu")
pairs = [(f"{a} {b}", f"{b} {a}") for a in words[4:10] for b in words[10:]]
data = Dataset.from_dict({"anchor": [a for a, _ in pairs], "positive": [b for _, b in pairs]})
arguments = SentenceTransformerTrainingArguments(output_dir=tempfile.mkdtemp(), num_train_epochs=3, report_to=[],
                                                 per_device_train_batch_size=8, save_strategy="no", disable_tqdm=True,
                                                 use_cpu=True, learning_rate=1e-3)
SentenceTransformerTrainer(net, arguments, train_dataset=data,
                           loss=losses.MultipleNegativesRankingLoss(net)).train()
""",
}  # fmt: skip


def main() -> int:
    n_errors = 0
    for name, program in PROGRAMS.items():
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed, left out")
            continue
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / f"{name}_program.py"
            path.write_text(program, encoding="utf-8")
            diagnosis = examine(path)
        said = [(one.level, f"{one.rule}:{one.line}") for one in diagnosis.findings]
        found = {level: [text for kind, text in said if kind == level] for level in "EWN"}
        row = {
            "program": name,
            "script_exit": diagnosis.script_exit,
            "steps": diagnosis.seen["steps"],
            "errors": " ".join(found["E"]),
            "warnings": " ".join(found["W"]),
            "notes": " ".join(found["N"]),
            "failures": len(diagnosis.failures),
        }
        print(row)
        for one in diagnosis.findings:
            if one.level in "EW":
                print("   ", one.rule, one.path, one.line, one.message, "|", one.evidence)
        for failure in diagnosis.failures:
            print(failure.trace)
        package = name.replace("_", "-")
        keep("ecosystem", row, packages=("torch", package))
        n_errors += len(found["E"]) + len(diagnosis.failures) + bool(diagnosis.script_exit)
    return 1 if n_errors else 0


if __name__ == "__main__":
    sys.exit(main())
