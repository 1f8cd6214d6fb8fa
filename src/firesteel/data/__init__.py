"""Tables and pictures read, columns named, rows split.

read_table, stream_tables, arrays_to_table -> Table     sources.py: delimited.py (dialects.py), frames.py, builtins.py,
                                                        synthetic.py
read_schema -> Schema                                   naming.py: kinds.py, tasks.py, leaks.py
split_rows, fold_rows -> Split                          splits.py (dealing.py); match_test_labels: labels.py
read_pictures -> Pictures                               picture_sources.py: folders.py (picture_files.py, decoding.py,
                                                        picture_labels.py, rasters.py, picture_cache.py), idx.py,
                                                        bundles.py, arrays.py, text_grids.py, pixel_columns.py,
                                                        named_sets.py; likeness.py: equal and nearly equal ones
read_picture_schema -> Schema                           picture_schema.py
read_input                                              inputs.py: whatever a user gives, as the one or the other
as_numbers, as_words, as_times                          values.py: what one value means, in training and prediction
"""

from firesteel.data.builtins import BUILT_IN
from firesteel.data.bundles import BUNDLES
from firesteel.data.decoding import PICTURE_ENDINGS
from firesteel.data.frames import arrays_to_table
from firesteel.data.inputs import header_of, is_column, read_input, to_table
from firesteel.data.labels import match_test_labels
from firesteel.data.look import Look, look_over, look_over_pictures
from firesteel.data.named_sets import NAMED_SETS, has_named_set
from firesteel.data.naming import read_schema
from firesteel.data.picture_schema import count_classes, read_picture_schema
from firesteel.data.picture_sources import is_pictures, read_pictures
from firesteel.data.pictures import FILE, PICTURE, TARGET, Form, Pictures, Wish, spoken_form
from firesteel.data.schema import Column, Schema, Target
from firesteel.data.sources import READERS, read_table, stream_tables
from firesteel.data.splits import Split, fold_rows, split_rows
from firesteel.data.synthetic import SYNTHETIC, made_up_target, rule_of
from firesteel.data.table import Table, fingerprint
from firesteel.data.values import as_numbers, as_times, as_words

__all__ = [
    "BUILT_IN",
    "BUNDLES",
    "FILE",
    "NAMED_SETS",
    "PICTURE",
    "PICTURE_ENDINGS",
    "READERS",
    "SYNTHETIC",
    "TARGET",
    "Column",
    "Form",
    "Look",
    "Pictures",
    "Schema",
    "Split",
    "Table",
    "Target",
    "Wish",
    "arrays_to_table",
    "as_numbers",
    "as_times",
    "as_words",
    "count_classes",
    "fingerprint",
    "fold_rows",
    "has_named_set",
    "header_of",
    "is_column",
    "is_pictures",
    "look_over",
    "look_over_pictures",
    "made_up_target",
    "match_test_labels",
    "read_input",
    "read_picture_schema",
    "read_pictures",
    "read_schema",
    "read_table",
    "rule_of",
    "split_rows",
    "spoken_form",
    "stream_tables",
    "to_table",
]
