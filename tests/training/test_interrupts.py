"""Ctrl-C: the first ends training with the best weights, the second stops the program."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest

from firesteel.training import mean_loss, train


@pytest.fixture
def started(case, make_plan):
    """Training that can be started with an observer, and its parts."""
    population = case.population((0, 1))
    rows, val = case.parts(population)
    plan = make_plan(2, epochs=30, schedule="constant")
    return population, val, plan, lambda observer: train(population, rows, val=val, plan=plan, observer=observer)


def test_the_first_ends_training_with_the_best_weights(started):
    population, val, plan, start = started
    handler = signal.getsignal(signal.SIGINT)

    def interrupt(sight):
        if sight.epochs_done == 3:
            signal.raise_signal(signal.SIGINT)

    run = start(interrupt)
    assert (run.ending, run.n_epochs) == ("interrupted", 3)
    np.testing.assert_allclose(mean_loss(population.answers, val, loss=plan.criterion), run.best_val_loss, rtol=1e-12)
    assert "interrupted after 3 epochs" in run.notices[0]
    assert signal.getsignal(signal.SIGINT) is handler


def test_it_is_noticed_within_an_epoch(case, make_plan):
    population = case.population((0,))
    rows, val = case.parts(population)
    plan = make_plan(1, batch_size=1, epochs=9)

    def interrupt(sight):
        if sight.epochs_done < 1:
            signal.raise_signal(signal.SIGINT)

    run = train(population, rows, val=val, plan=plan, observer=interrupt)
    assert (run.ending, run.n_epochs, run.n_steps) == ("interrupted", 1, 50)


def test_the_second_stops_the_program(started):
    handler = signal.getsignal(signal.SIGINT)

    def interrupt_twice(_):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        started[3](interrupt_twice)
    assert signal.getsignal(signal.SIGINT) is handler


def test_outside_the_main_thread_training_works_without_listening(started):
    runs = []
    thread = threading.Thread(target=lambda: runs.append(started[3](None)))
    thread.start()
    thread.join()
    assert runs[0].ending == "all epochs"
