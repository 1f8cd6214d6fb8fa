"""What stands below each figure of a report, in its own numbers."""

from __future__ import annotations

from firesteel.evaluation.compared_drawings import spoken_value, varying
from firesteel.evaluation.digits import plural, style_of, styled
from firesteel.evaluation.look import short
from firesteel.evaluation.metrics import BY_NAME
from firesteel.evaluation.report import Report
from firesteel.evaluation.sights import Sights


def about_models(report: Report) -> str:
    return (
        f"Every model learned from the same rows and was scored on the same {plural(report.main.n_rows, 'test row')}; "
        "where two bars overlap much, other rows could turn the order round."
    )


def about_data_fit(report: Report) -> str:
    beyond = "Dashed, on grey, is what it says where it has seen nothing: do not trust it there."
    if report.classes:
        return (
            f"How likely each class is along '{short(report.curve.column) if report.curve else ''}'; "
            f"the marks on top are the rows, large ones test rows. {beyond}"
        )
    return f"What the network learned, beside the rows that it learned from and those that it did not. {beyond}"


def about_boundary(report: Report) -> str:
    plane = report.plane
    if plane is None:
        return ""
    n, n_wrong = len(plane.test.true), sum(t != p for t, p in zip(plane.test.true, plane.test.picked, strict=True))
    wrong = f"{n_wrong:,} of the {plural(n, 'test row')} drawn {'is' if n_wrong == 1 else 'are'} wrong."
    return f"The colour of a place is the class that the network picks there, the stronger the surer. {wrong}"


def about_learning(report: Report) -> str:
    several = " of each member" if report.n_members > 1 else ""
    if report.chosen_on == "train":
        return (
            "The loss on the rows that the network learns from. No rows were held out to choose the best epoch, "
            "so only the test rows tell whether it learned by heart."
        )
    return (
        f"Blue is the loss on rows the network learns from, orange on rows it does not; once orange stops falling it "
        f"only learns by heart, so the weights{several} are kept from the best epoch."
    )


def about_compared(report: Report) -> str:
    found, names = report.compared, varying(report.compared)
    losses = [one.val_loss for one in found if not one.is_diverged]
    kept = next((f": {spoken_value(one, names)}" for one in found if one.is_kept), "")
    text = f"All were trained on the same rows, and the one with the smallest {report.chosen_on} loss was kept{kept}."
    if names == ("seed",) and losses and min(losses) < max(losses):
        text += f" The seed alone moves {report.chosen_on} loss between {min(losses):.3g} and {max(losses):.3g}."
    if any(one.is_still_falling for one in found):
        text += " A hollow point was still getting better in its last epoch."
    if len(losses) < len(found):
        text += " Diverged means that the loss grew beyond all numbers."
    return text


def about_confusion(report: Report) -> str:
    found = report.mistakes.confusion
    true, picked, n = found.worst() if found else (0, 0, 0)
    if n == 0:
        return "Blue cells are right answers; there is no mistake on these rows."
    names = report.classes or [str(i) for i in range(max(true, picked) + 1)]
    pictures = " A cell with a picture shows its surest mistake." if report.sights and report.sights.examples else ""
    return (
        "Blue cells are right answers, orange ones mistakes; the most frequent: "
        f"'{names[true]}' taken for '{names[picked]}', {plural(n, 'row')}.{pictures}"
    )


def about_calibration(report: Report) -> str:
    found = report.mistakes.calibration
    error = f"{100 * found.expected_error:.1f}" if found else "0"
    return (
        "Of all rows that were promised 80 %, do 80 % come true? On the dashed line, yes; "
        f"here promises and truth lie {error} percentage points apart on average."
    )


def about_residuals(report: Report) -> str:
    found = report.mistakes.residuals
    if found is None:
        return ""
    low, high = found.quantiles[1], found.quantiles[3]
    style = style_of([low, high])
    shown = "" if found.n_rows == len(found.true) else f" ({len(found.true):,} of {found.n_rows:,} are drawn)"
    return (
        f"Each point is a test row{shown}, right on the dashed line; "
        f"half of the predictions lie between {styled(low, style)} and {styled(high, style)} off the truth."
    )


def about_importances(report: Report) -> str:
    metric = BY_NAME[report.main.name].label
    text = f"One column's values are shuffled among the rows: the more {metric} suffers, the more the network needs it"
    if report.n_columns > len(report.importances):
        text += f" ({len(report.importances)} of {plural(report.n_columns, 'column')} were measured)"
    return f"{text}."


def about_predictions(report: Report) -> str:
    sights = report.sights or Sights()
    parts = ["typical answers first, then the closest calls"] if sights.right else []
    parts += ["the surest mistakes" + (" at the end" if sights.right else "")] if sights.worst else []
    return f"The largest probabilities: blue is the true class, orange a wrong answer; {', '.join(parts)}."


def about_mistakes(report: Report) -> str:
    n_shown, counts = len((report.sights or Sights()).worst), report.mistakes.confusion
    n = n_shown if counts is None else int(counts.array.sum() - counts.array.diagonal().sum())
    which = "All" if n == n_shown else f"The {n_shown} surest of"
    return (
        f"{which} {plural(n, 'wrong answer')}, the surest first. Look here for wrong labels "
        "and for pictures that nobody could tell."
    )


def about_filters(_: Report) -> str:
    return (
        "The weights of the first layer, a square for each of its units: "
        "bright pixels speak for it, dark ones against it, middle grey does not count."
    )


def about_feature_maps(_: Report) -> str:
    return "What the first layer passes on of one picture: bright where a filter finds what it looks for."


def about_saliency(_: Report) -> str:
    return (
        "Orange are the pixels that the answer hangs on: a small change there changes it most "
        "(the gradient of the answer). On the background instead of the thing, the network learned a shortcut."
    )
