"""Training runs: early stopping, and networks that share a program independently."""

import threading
from functools import cache

import numpy as np
import pytest

from zoo.models.deep_mlp import DeepMLPClassifier, DeepMLPConfig
from zoo.models.mlp import MLPClassifier, MLPConfig
from zoo.training.backends.choose import program_class
from zoo.training.losses import brier_scores, row_losses
from zoo.training.program import ProgramConfig
from zoo.training.stream import fit_networks, fit_stream, threads_for
from zoo.training.tasks import FitTask, Rows, TrainConfig

CONFIG = ProgramConfig(loss="crossentropy")
OPTIONS = TrainConfig(learning_rate=0.01, weight_decay=0.01, max_epochs=30, patience=4)


@cache
def program(build, n_inputs=3, **options):
    """Return a program; tests share it, because weights are arguments of its functions."""
    return program_class()(build, n_inputs, CONFIG, **options)


def small_network(layers, n_inputs):
    return MLPClassifier._build(layers, MLPConfig(n_inputs=n_inputs, n_outputs=2, units=5))


def deep_network(layers, n_inputs):
    config = DeepMLPConfig(n_inputs=n_inputs, n_outputs=2, units=8, n_hidden=2, dropout=0.2)
    return DeepMLPClassifier._build(layers, config)


def normed_network(layers, n_inputs):
    return layers.Sequential(
        [
            layers.Input(n_inputs),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.BatchNormalization(name="batch"),
            layers.Dropout(0.2, name="dropout"),
            layers.Dense(2, name="output"),
        ]
    )


def make_rows(seed, n_rows, n_inputs=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_inputs)).astype(np.float32)
    y = (X[:, 0] + 0.5 * rng.normal(size=n_rows) > 0).astype(np.float32)
    return Rows(X, y, np.ones(n_rows, np.float32))


def task(seed, n_rows, n_held=40, **options):
    held = make_rows(100 + seed, n_held, **options) if n_held else None
    return FitTask(make_rows(seed, n_rows, **options), held, seed)


def assert_same(a, b, exact=False):
    assert (a.n_epochs, a.best_epoch) == (b.n_epochs, b.best_epoch)
    for ours, theirs in zip(a.weights, b.weights, strict=True):
        if exact:
            np.testing.assert_array_equal(ours, theirs)
        else:
            # hundreds of steps of float32 that rectifiers let drift apart
            np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=3e-3)


@pytest.mark.parametrize(
    ("jit_compile", "build"),
    [(True, normed_network), pytest.param(False, deep_network, marks=pytest.mark.slow)],
)
def test_a_network_among_ten_equals_the_same_network_alone(jit_compile, build):
    sizes = [65, 100, 127, 130, 64, 200, 90, 66, 129, 11]  # k batches, one more, less than one
    tasks = [task(r, n, n_held=40 + r if r < 9 else 0) for r, n in enumerate(sizes)]
    ten = program(build, n_replicates=10, jit_compile=jit_compile)
    one = program(build, jit_compile=jit_compile)
    together = fit_networks(ten, tasks, OPTIONS)
    assert len({result.n_epochs for result in together}) > 1  # they stop at different times
    for one_task, among in zip(tasks, together, strict=True):
        (alone,) = fit_networks(one, [one_task], OPTIONS)
        assert_same(among, alone)


def test_a_slot_is_refilled_with_the_next_network_and_none_is_lost():
    sizes = [200, 200, 64, 64, 30, 30, 11]
    tasks = [task(r, n) for r, n in enumerate(sizes)]
    two = program(deep_network, n_replicates=2)
    together = fit_networks(two, tasks, OPTIONS)
    alone = [fit_networks(two, [one], OPTIONS)[0] for one in tasks]
    for a, b in zip(together, alone, strict=True):
        assert_same(
            a, b, exact=True
        )  # the same program: the same bits, whichever networks train beside it


@pytest.mark.parametrize("n_threads", [2, 3])
def test_several_threads_give_the_results_of_one(n_threads):
    tasks = [task(r, n) for r, n in enumerate([200, 120, 64, 64, 30, 30, 11])]
    two = program(deep_network, n_replicates=2)
    one = fit_networks(two, tasks, OPTIONS)
    for a, b in zip(fit_networks(two, tasks, OPTIONS, n_threads=n_threads), one, strict=True):
        assert_same(a, b, exact=True)
        assert a.fit_s > 0


def test_an_error_in_a_thread_is_raised_in_the_caller():
    def tasks():
        yield task(0, 64)
        raise OSError("the disk is gone")

    two = program(small_network, n_replicates=2, jit_compile=False)
    with pytest.raises(OSError, match="the disk is gone"):
        list(fit_stream(two, tasks(), OPTIONS, n_threads=2))


def test_closing_a_stream_early_ends_its_threads():
    two = program(small_network, jit_compile=False)
    before = threading.active_count()
    stream = fit_stream(two, (task(r, 64) for r in range(50)), OPTIONS, n_threads=2)
    next(stream)
    stream.close()
    assert threading.active_count() == before


def test_there_are_at_most_as_many_threads_as_tensorflow_has_or_slots(monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    assert [threads_for(n) for n in (1, 2, 3, 10)] == [(1, 1), (2, 1), (2, 2), (2, 5)]
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    assert threads_for(10) == (1, 10)


def test_tasks_are_taken_only_when_a_slot_is_free():
    taken = []

    def tasks():
        for r in range(4):
            taken.append(r)
            yield task(r, 64)

    two = program(small_network, n_replicates=2, jit_compile=False)
    stream = fit_stream(two, tasks(), OPTIONS)
    next(stream)
    assert taken == [0, 1]
    assert len(list(stream)) == 3
    assert taken == [0, 1, 2, 3]


def test_networks_of_other_widths_share_a_program():
    tasks = [task(0, 100, n_inputs=3), task(1, 100, n_inputs=5)]
    two = program(small_network, 6, n_replicates=2, jit_compile=False)
    for one_task, among in zip(tasks, fit_networks(two, tasks, OPTIONS), strict=True):
        width = one_task.train.X.shape[1]
        assert among.weights[0].shape == (width, 5)
        own = program(small_network, width, jit_compile=False)
        (alone,) = fit_networks(own, [one_task], OPTIONS)
        assert_same(among, alone)


@pytest.mark.parametrize("where", ["train", "validation"])
def test_a_network_with_bad_rows_fails_alone_and_names_the_row(where):
    bad = task(1, 100)
    getattr(bad, where).X[3, 0] = np.nan
    two = program(deep_network, n_replicates=2)
    good, failed = fit_networks(two, [task(0, 100), bad], OPTIONS)
    (alone,) = fit_networks(two, [task(0, 100)], OPTIONS)
    assert good.error is None
    assert_same(good, alone, exact=True)
    name = {"train": "training", "validation": "validation"}[where]
    message = f"row 3 of the {name} rows has a value that is not finite (before step 1)"
    assert failed.error == message


def test_a_diverging_loss_is_reported_with_its_step():
    options = TrainConfig(learning_rate=1e30, weight_decay=0.0, max_epochs=5, patience=4)
    (failed,) = fit_networks(program(deep_network, jit_compile=False), [task(0, 200)], options)
    assert failed.error.startswith("the loss at step 2 (epoch 1) is not a finite number")
    assert failed.weights == []


@pytest.mark.parametrize("n_rows", [1, 2, 63, 64, 65, 129])
@pytest.mark.parametrize("build", [deep_network, normed_network])
def test_any_number_of_rows_trains(build, n_rows):
    compiled = program(build, jit_compile=False)
    (result,) = fit_networks(compiled, [task(0, n_rows)], OPTIONS)
    assert result.error is None
    assert all(np.isfinite(w).all() for w in result.weights)


def test_validation_rows_of_one_class_are_enough():
    one_class = make_rows(1, 20)
    one_class.y[:] = 1
    compiled = program(small_network, jit_compile=False)
    (result,) = fit_networks(compiled, [FitTask(make_rows(0, 90), one_class, 0)], OPTIONS)
    assert result.error is None
    assert result.losses[-1] >= 0


def hand_written_fit(train, held, seed, options):
    """Train with NumPy: one hidden layer, Adam with decay, evaluations, patience."""
    compiled = program(small_network, jit_compile=False)
    start = compiled.enter(compiled.empty(), 0, seed, train.X)
    weights = [np.array(w, np.float64) for w in compiled.slice(start, 0)]
    moments = [[np.zeros_like(w) for w in weights] for _ in range(2)]
    rng = np.random.default_rng(seed)
    n, step = len(train.X), 0
    n_batches = -(-n // 64)
    epochs = max(1, 32 // n_batches)
    best, best_number, losses = (np.inf, None), 0, []

    def outputs(X):
        hidden = np.maximum(X @ weights[0] + weights[1], 0)
        return hidden, hidden @ weights[2] + weights[3]

    def log_probabilities(logits):
        shifted = logits - logits.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))

    for number in range(1, options.max_epochs + 1):
        for order in [rng.permutation(n) for _ in range(epochs)]:
            for start in range(0, n, 64):
                rows = order[start : start + 64]
                X, y = train.X[rows].astype(np.float64), train.y[rows].astype(int)
                hidden, logits = outputs(X)
                error = (np.exp(log_probabilities(logits)) - np.eye(2)[y]) / len(rows)
                back = (error @ weights[2].T) * (hidden > 0)
                gradients = [X.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
                step += 1
                rate = options.learning_rate
                for i, g in enumerate(gradients):
                    moments[0][i] = 0.9 * moments[0][i] + 0.1 * g
                    moments[1][i] = 0.999 * moments[1][i] + 0.001 * g * g
                    scaled = moments[0][i] / (1 - 0.9**step)
                    spread = np.sqrt(moments[1][i] / (1 - 0.999**step))
                    slack = 1e-7 / np.sqrt(1 - 0.999**step)
                    decay = options.weight_decay * (weights[i].ndim > 1)
                    weights[i] = (
                        weights[i] - rate * (scaled / (spread + slack)) - rate * decay * weights[i]
                    )
        logs = log_probabilities(outputs(held.X.astype(np.float64))[1])
        losses.append(-logs[np.arange(len(held.y)), held.y.astype(int)].mean())
        if losses[-1] < best[0]:
            best, best_number = (losses[-1], [w.copy() for w in weights]), number
        if number - best_number >= options.patience:
            break
    return losses, best_number * epochs, number * epochs, best[1]


@pytest.mark.parametrize("n_rows", [65, 100, 300])
def test_early_stopping_keeps_the_same_epoch_as_a_hand_written_loop(n_rows):
    options = TrainConfig(learning_rate=0.02, weight_decay=0.05, max_epochs=30, patience=4)
    one = task(5, n_rows, n_held=60)
    losses, best_epoch, n_epochs, weights = hand_written_fit(one.train, one.validation, 5, options)
    (ours,) = fit_networks(program(small_network, jit_compile=False), [one], options)
    assert n_epochs < 30 * max(1, 32 // -(-n_rows // 64))  # it did stop early
    assert (ours.best_epoch, ours.n_epochs) == (best_epoch, n_epochs)
    np.testing.assert_allclose(ours.losses, losses, rtol=1e-3)
    for a, b in zip(ours.weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-2, atol=1e-3)


def change_of(**changed):
    """Return the result of a fit with some options changed."""
    base = {"learning_rate": 0.01, "weight_decay": 0.0, "max_epochs": 10, "patience": 10}
    options = TrainConfig(**{**base, **changed})
    compiled = program(deep_network, jit_compile=False)
    (result,) = fit_networks(compiled, [task(0, 300, n_held=0)], options)
    return result


def size_of(result):
    return float(sum(np.square(w).sum() for w in result.weights))


def test_more_decay_makes_smaller_weights():
    sizes = [size_of(change_of(weight_decay=decay)) for decay in (0.0, 0.5, 2.0)]
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize("schedule", ["cosine", "flat_cosine", "four_cycles"])
def test_a_rate_schedule_changes_how_far_weights_move(schedule):
    start = change_of(learning_rate=0.0)
    far, less = (
        sum(np.abs(a - b).sum() for a, b in zip(result.weights, start.weights, strict=True))
        for result in (change_of(), change_of(rate_schedule=schedule))
    )
    assert 0 < less < far


def test_a_decay_schedule_decays_less():
    constant, falling = (
        change_of(weight_decay=1.0, decay_schedule=schedule)
        for schedule in ("constant", "flat_cosine")
    )
    assert size_of(falling) > size_of(constant)


def test_a_dropout_schedule_lets_the_network_fit_closer():
    constant, falling = (
        change_of(dropout_schedule=schedule, max_epochs=40) for schedule in ("constant", "cosine")
    )
    assert falling.losses[-1] < constant.losses[-1]


def test_patience_and_epochs_bound_the_training():
    assert change_of(max_epochs=3).n_epochs == 3 * 6  # 32 // 5 epochs an evaluation
    eager = TrainConfig(learning_rate=0.05, weight_decay=0.0, max_epochs=30, patience=1)
    patient = TrainConfig(learning_rate=0.05, weight_decay=0.0, max_epochs=30, patience=8)
    compiled = program(small_network, jit_compile=False)
    short, long = (fit_networks(compiled, [task(0, 100)], o)[0] for o in (eager, patient))
    assert short.n_epochs < long.n_epochs
    assert min(long.losses) <= min(short.losses)


def test_the_brier_score_is_the_sum_of_squared_differences_of_probability_and_truth():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]], np.float32)) + 3.0
    scores = brier_scores(logits, np.array([0.0, 1.0], np.float32))
    np.testing.assert_allclose(
        scores, [0.3**2 + 0.2**2 + 0.1**2, 0.1**2 + 0.9**2 + 0.8**2], rtol=1e-6
    )
    assert brier_scores(np.array([[1e4, -1e4]]), np.array([1.0])) == [2.0]


def test_monitoring_the_brier_score_keeps_the_evaluation_with_the_lowest():
    one, n_evaluations = task(8, 130, n_held=20), 12
    base = {
        "learning_rate": 0.03,
        "weight_decay": 0.0,
        "patience": n_evaluations,
        "min_evaluation_steps": 1,
    }
    compiled = program(small_network, jit_compile=False)
    weights, scores = [], []
    for n in range(1, n_evaluations + 1):  # without validation rows the last weights are kept
        alone = FitTask(one.train, None, one.seed)
        (result,) = fit_networks(compiled, [alone], TrainConfig(max_epochs=n, **base))
        weights.append(result.weights)
        outputs = compiled.forward(result.weights, one.validation.X)
        each = brier_scores(outputs, one.validation.y)
        scores.append(np.average(each, weights=one.validation.weight.astype(float)))
    options = TrainConfig(max_epochs=n_evaluations, monitor="brier", **base)
    (kept,) = fit_networks(compiled, [one], options)
    assert kept.best_epoch == np.argmin(scores) + 1
    assert kept.best_epoch != np.argmin(kept.losses) + 1  # or the test would prove nothing
    for ours, theirs in zip(kept.weights, weights[np.argmin(scores)], strict=True):
        np.testing.assert_array_equal(ours, theirs)


CYCLES = {
    "learning_rate": 0.02, "weight_decay": 0.0, "max_epochs": 60, "patience": 60,
    "min_evaluation_steps": 1, "rate_schedule": "four_cycles", "stops_on_plateau": True,
}  # fmt: skip


def test_with_cycles_the_best_of_the_first_cycle_or_of_the_ends_is_kept():
    one = task(3, 130, n_held=200)
    compiled = program(small_network, jit_compile=False)
    options = {**CYCLES, "stops_on_plateau": False}
    (kept,) = fit_networks(compiled, [one], TrainConfig(**options))
    ends = [1, 2, 3, 60 // 15, 60 * 3 // 15, 60 * 7 // 15, 60]
    assert len(kept.losses) == len(ends)
    assert kept.best_epoch == ends[np.argmin(kept.losses)]
    alone = FitTask(one.train, None, one.seed)  # without validation rows the last weights are kept
    (last,) = fit_networks(compiled, [alone], TrainConfig(**options))
    assert (last.best_epoch, last.n_epochs) == (60, 60)
    outputs = compiled.forward(last.weights, one.validation.X)
    losses = row_losses("crossentropy", outputs, one.validation.y)
    assert np.average(losses, weights=one.validation.weight) == pytest.approx(kept.losses[-1])


def test_with_few_validation_rows_every_epoch_has_an_evaluation():
    compiled = program(small_network, jit_compile=False)
    (kept,) = fit_networks(compiled, [task(3, 130, n_held=199)], TrainConfig(**CYCLES))
    assert len(kept.losses) == kept.n_epochs == 60
    assert kept.best_epoch == np.argmin(kept.losses) + 1


def test_training_stops_after_a_cycle_without_a_gain():
    one = task(3, 200, n_held=600)
    rng = np.random.default_rng(0)
    for rows in (one.train, one.validation):  # there is nothing to learn
        rows.y[:] = rng.permutation(rows.y)
    compiled = program(small_network, jit_compile=False)
    eager = {**CYCLES, "monitor": "brier", "learning_rate": 0.1}
    (idle,) = fit_networks(compiled, [one], TrainConfig(**eager))
    assert idle.n_epochs == 60 * 3 // 15
    (whole,) = fit_networks(compiled, [one], TrainConfig(**{**eager, "stops_on_plateau": False}))
    assert whole.n_epochs == 60
    assert whole.losses[: 4 + 1] == idle.losses
    few = FitTask(
        one.train,
        Rows(*(part[:199] for part in (one.validation.X, one.validation.y, one.validation.weight))),
        one.seed,
    )
    (unsure,) = fit_networks(compiled, [few], TrainConfig(**eager))
    assert unsure.n_epochs == 60  # too few validation rows for a test of the gain


def test_training_continues_while_cycles_improve():
    one = task(3, 200, n_held=200)
    slow = TrainConfig(**{**CYCLES, "learning_rate": 0.0005})
    compiled = program(small_network, jit_compile=False)
    (result,) = fit_networks(compiled, [one], slow)
    assert result.n_epochs == 60
