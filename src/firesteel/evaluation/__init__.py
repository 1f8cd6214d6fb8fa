"""How good a model is: scores with intervals, baselines beside it, where it goes wrong, and all that as a report."""

from firesteel.evaluation.activation_drawings import draw_activations
from firesteel.evaluation.baselines import CONTENDERS, Baseline, best_baseline, contenders_of, fit_baselines
from firesteel.evaluation.calibration import Calibration, calibration_curve, softmax, temperature
from firesteel.evaluation.classical import Rows
from firesteel.evaluation.compared import Compared
from firesteel.evaluation.curvature import Curvature
from firesteel.evaluation.figures import (
    FIGURES,
    Figure,
    activations_png,
    draw,
    figure_png,
    label_sheet_png,
    sheet_png,
    write_png,
)
from firesteel.evaluation.importance import Importance, permutation_importance
from firesteel.evaluation.intervals import Comparison, Score, compare, score, with_spread
from firesteel.evaluation.lines import headline, model_table, score_table, summary
from firesteel.evaluation.metrics import MAIN_METRIC, METRICS, Answer, Metric, metrics_for
from firesteel.evaluation.mistakes import Confusion, Mistakes, Residuals, find_mistakes
from firesteel.evaluation.page import render_page
from firesteel.evaluation.picture_drawings import draw_labels, draw_prediction, draw_sheet
from firesteel.evaluation.report import History, Notice, Report, compare_with_best
from firesteel.evaluation.sights import Seen, Sights, find_sights, make_seen
from firesteel.evaluation.terms import Term, formula, term_name
from firesteel.evaluation.traces import Curve, Part, Plane, Points, trace_curve, trace_plane

__all__ = [
    "CONTENDERS",
    "FIGURES",
    "MAIN_METRIC",
    "METRICS",
    "Answer",
    "Baseline",
    "Calibration",
    "Compared",
    "Comparison",
    "Confusion",
    "Curvature",
    "Curve",
    "Figure",
    "History",
    "Importance",
    "Metric",
    "Mistakes",
    "Notice",
    "Part",
    "Plane",
    "Points",
    "Report",
    "Residuals",
    "Rows",
    "Score",
    "Seen",
    "Sights",
    "Term",
    "activations_png",
    "best_baseline",
    "calibration_curve",
    "compare",
    "compare_with_best",
    "contenders_of",
    "draw",
    "draw_activations",
    "draw_labels",
    "draw_prediction",
    "draw_sheet",
    "figure_png",
    "find_mistakes",
    "find_sights",
    "fit_baselines",
    "formula",
    "headline",
    "label_sheet_png",
    "make_seen",
    "metrics_for",
    "model_table",
    "permutation_importance",
    "render_page",
    "score",
    "score_table",
    "sheet_png",
    "softmax",
    "summary",
    "temperature",
    "term_name",
    "trace_curve",
    "trace_plane",
    "with_spread",
    "write_png",
]
