"""The command line: words to api calls, results to text; no logic.

    fitting.py    firesteel fit: every field of the recipe as an option
    verbs.py      firesteel predict, evaluate, show, data
    gallery.py    firesteel gallery, gallery run, gallery check
    doctor.py     firesteel doctor, explain
    text.py       results as lines of at most 80 columns
    progress.py   the bar while training goes on

Exit codes: 0 fine, 1 a check that failed, 2 your words or your data, 130 interrupted. `firesteel --help` imports
neither torch nor the recipe: commands are loaded when they are called.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App
from cyclopts.exceptions import CycloptsError, UnusedCliTokensError

from firesteel.errors import FiresteelError

__all__ = ["COMMANDS", "main", "make_app"]

#: Each verb of `firesteel.api.VERBS`: its function here, and its line in `firesteel --help`.
COMMANDS = {
    "fit": ("firesteel.cli.fitting:fit", "Train and check a model on a table."),
    "predict": ("firesteel.cli.verbs:predict", "Answer new rows with a trained model."),
    "evaluate": ("firesteel.cli.verbs:evaluate", "Score a trained model on other rows."),
    "show": ("firesteel.cli.verbs:show", "Show what a model is, how it was made, and its scores."),
    "data": ("firesteel.cli.verbs:data", "Look over a table before training."),
    "gallery": ("firesteel.cli.gallery:gallery", "Run worked examples, from f(x) = 3x to a convolutional net."),
    "doctor": ("firesteel.cli.doctor:doctor", "Find the silent bugs of a training script while it runs."),
    "explain": ("firesteel.cli.doctor:explain", "Say what a rule of the doctor finds, and how."),
}

EXIT_FINE, EXIT_WRONG, EXIT_INTERRUPTED = 0, 2, 130


def make_app() -> App:
    """The command line as cyclopts sees it."""
    app = App(
        name="firesteel",
        help="From data to a neural network that is trained, checked, explained, and yours.\n\n"
        "Start with: firesteel fit digits     or: firesteel fit FILE --target COLUMN",
        version=_version,
        result_action="return_value",
        suppress_keyboard_interrupt=False,  # main says what happened
        help_format="plaintext",  # the default, Markdown, takes a fifth of the time of --help to import
    )
    for word, (place, line) in COMMANDS.items():
        app.command(place, name=word, help=line)
    return app


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. Prints no traceback for what a user did."""
    app = make_app()
    given = sys.argv[1:] if words is None else list(words)
    if given[:1] == ["doctor"]:  # what stands behind the script is the script's
        from firesteel.cli.doctor import fence

        given = ["doctor", *fence(given[1:])]
    try:
        answer: Any = app(given, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        sys.stderr.write(f"{_spoken(error)}\n  Try: firesteel {_verb(words)}--help\n")
        return EXIT_WRONG
    except FiresteelError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_WRONG
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader, like `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FINE
    return answer if isinstance(answer, int) else EXIT_FINE


def _version() -> str:
    from importlib.metadata import version  # half as slow as all of cyclopts, and seldom asked for

    return f"firesteel {version('firesteel')}"


def _verb(words: Sequence[str] | None) -> str:
    given = sys.argv[1:] if words is None else words
    return f"{given[0]} " if given and given[0] in COMMANDS else ""


def _spoken(error: CycloptsError) -> str:
    """What is wrong with the words, in one line."""
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        return f"every word must belong to an option or be the one file; '{error.unused_tokens[0]}' is left over."
    return " ".join(str(error).split())
