"""Worked examples on the way from f(x) = 3x to a convolutional net: each a recipe, what it must reach, and a paragraph.

entries.py     an entry as data: entries/ID.toml, in the order of entries/path.toml
measuring.py   what can be asked of a run by name: `test accuracy`, `weight x`, `steps 1e-9`; runs.py: a run, done;
               asking.py: measures that read rows again or ask the model
running.py     an entry run by the ordinary fit, its measures held against what it must reach
touring.py     lessons that train nothing: tensors, gradients, pictures as numbers, activations
learning.py    an entry and what its run gave, as a page of docs/learn
"""

from firesteel.gallery.entries import Entry, Expected, Group, find_entry, read_entries, read_path, spoken
from firesteel.gallery.learning import fingerprint_in, learn_page, path_page, steps_of
from firesteel.gallery.measuring import MEASURES
from firesteel.gallery.running import Outcome, Reached, run_entry

__all__ = [
    "MEASURES",
    "Entry",
    "Expected",
    "Group",
    "Outcome",
    "Reached",
    "find_entry",
    "fingerprint_in",
    "learn_page",
    "path_page",
    "read_entries",
    "read_path",
    "run_entry",
    "spoken",
    "steps_of",
]
