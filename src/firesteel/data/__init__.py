"""Tables read, columns named, rows split.

read_table, stream_tables, arrays_to_table -> Table     sources.py: delimited.py (dialects.py), frames.py, builtins.py
read_schema -> Schema                                   naming.py: kinds.py, tasks.py, leaks.py
split_rows, fold_rows -> Split                          splits.py; match_test_labels: labels.py
as_numbers, as_words, as_times                          values.py: what one value means, in training and prediction
"""

from firesteel.data.builtins import BUILT_IN
from firesteel.data.frames import arrays_to_table
from firesteel.data.labels import match_test_labels
from firesteel.data.look import Look, look_over
from firesteel.data.naming import read_schema
from firesteel.data.schema import Column, Schema, Target
from firesteel.data.sources import READERS, read_table, stream_tables
from firesteel.data.splits import Split, fold_rows, split_rows
from firesteel.data.table import Table, fingerprint
from firesteel.data.values import as_numbers, as_times, as_words

__all__ = [
    "BUILT_IN",
    "READERS",
    "Column",
    "Look",
    "Schema",
    "Split",
    "Table",
    "Target",
    "arrays_to_table",
    "as_numbers",
    "as_times",
    "as_words",
    "fingerprint",
    "fold_rows",
    "look_over",
    "match_test_labels",
    "read_schema",
    "read_table",
    "split_rows",
    "stream_tables",
]
