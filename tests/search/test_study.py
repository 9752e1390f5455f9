from pathlib import Path
from typing import Any

import numpy as np
import pytest
import told
from optuna.distributions import FloatDistribution

from ymr_spark.errors import SettingsError
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.search import study
from ymr_spark.search.study import Parameters

SPACE = {"rate": FloatDistribution(0.001, 10, log=True)}
FIRST = [{"rate": 7.0}, {"rate": 0.002}]


class Killed(BaseException):
    pass


class Valley:
    """Folds whose best rate is 0.1, in the second epoch of three; it can be killed in a trial."""

    def __init__(self, killed_at: int | None = None) -> None:
        self.tried: list[float] = []
        self.killed_at = killed_at

    def __call__(self, parameters: Parameters) -> list[Curve]:
        if len(self.tried) == self.killed_at:
            raise Killed
        self.tried.append(parameters["rate"])
        depth = np.log10(parameters["rate"] / 0.1) ** 2
        shape = (1.5, 1.0, 1.25)
        return [told.curve(*((1.0, depth + at + fold) for at in shape)) for fold in (-0.5, 0.5)]


def search(journal: Path, valley: Valley, trials: int = 15) -> list[study.Trial]:
    return study.search(journal, SPACE, FIRST, [valley], trials=trials, seed=1)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> list[study.Trial]:
    return search(tmp_path_factory.mktemp("straight") / "journal.log", Valley())


def best_of(trial: study.Trial) -> Point:
    assert trial.best is not None
    return trial.best


def test_the_known_best_is_found(straight: list[study.Trial]) -> None:
    best = min(straight, key=lambda trial: told.known(best_of(trial).validation_mse))
    assert 0.05 < best.parameters["rate"] < 0.2
    assert best_of(best).epoch == 2


def test_the_points_that_come_first(straight: list[study.Trial]) -> None:
    assert [trial.parameters for trial in straight[:2]] == FIRST


@pytest.mark.parametrize("killed_at", [0, 1, 2, 9])
def test_a_killed_search_ends_like_one_that_was_not(
    straight: list[study.Trial], tmp_path: Path, killed_at: int
) -> None:
    with pytest.raises(Killed):
        search(tmp_path / "journal.log", Valley(killed_at))
    rest = Valley()
    assert search(tmp_path / "journal.log", rest) == straight
    assert len(rest.tried) == 15 - killed_at


def test_a_failed_trial_is_tried_again(straight: list[study.Trial], tmp_path: Path) -> None:
    def broken(_: Parameters) -> list[Curve]:
        raise RuntimeError("no memory")

    search(tmp_path / "journal.log", Valley(), trials=4)
    with pytest.raises(RuntimeError):
        study.search(tmp_path / "journal.log", SPACE, FIRST, [broken], trials=15, seed=1)
    assert search(tmp_path / "journal.log", Valley()) == straight


def test_more_trials_go_on_and_fewer_are_the_first(
    straight: list[study.Trial], tmp_path: Path
) -> None:
    search(tmp_path / "journal.log", Valley(), trials=6)
    further = Valley()
    assert search(tmp_path / "journal.log", further) == straight
    assert len(further.tried) == 9
    assert search(tmp_path / "journal.log", Valley(0), trials=3) == straight[:3]


@pytest.mark.parametrize("seed", [2, 20_261_126, 2**31 - 1])
def test_another_seed_tries_other_points(
    straight: list[study.Trial], tmp_path: Path, seed: int
) -> None:
    other = study.search(tmp_path / "j", SPACE, FIRST, [Valley()], trials=4, seed=seed)
    assert other[:2] == straight[:2]
    assert other[3] != straight[3]


def test_across_folds_by_hand() -> None:
    one, two = told.curve((1.0, 2.0), (0.5, 3.0)), told.curve((3.0, 4.0), (1.5, 3.0))
    assert study.across_folds([one, two]) == [
        Point(epoch=1, train_mse=2.0, validation_mse=3.0, fold_sd=1.0),
        Point(epoch=2, train_mse=1.0, validation_mse=3.0, fold_sd=0.0),
    ]


def test_across_folds_of_lists() -> None:
    blank: dict[str, Any] = {"epoch": 1, "train_mse": None, "validation_mse": None}
    folds = [[Point(**blank, validation_ndcg=ndcg)] for ndcg in (0.25, 0.75)]
    (point,) = study.across_folds(folds)
    assert point == Point(**blank, validation_ndcg=0.5, fold_sd=0.25)
    assert point.error == 0.5


class Cliff(Valley):
    """Rates above the edge have no finite error, one just below it after the first epoch."""

    def __init__(self, edge: float) -> None:
        super().__init__()
        self.edge = edge

    def __call__(self, parameters: Parameters) -> list[Curve]:
        curves = super().__call__(parameters)
        rate = parameters["rate"]
        for number, point in enumerate(curves[1]):
            if rate > self.edge or (rate > self.edge / 10 and number):
                error = float("inf" if number else "nan")
                curves[1][number] = point.model_copy(update={"validation_mse": error})
        return curves


def test_a_search_goes_on_after_trials_without_a_finite_error(tmp_path: Path) -> None:
    cliff = Cliff(edge=1.0)
    trials = search(tmp_path / "journal.log", cliff)
    assert [trial.parameters for trial in trials[:2]] == FIRST
    assert trials[0].best is None
    assert trials[0].curve[0].train_mse == 1.0
    assert len(cliff.tried) == len(trials) == 15
    parameters, found = study.best(trials)[0]
    assert 0.02 < parameters["rate"] < 0.5
    assert np.isfinite(told.known(found.validation_mse))
    # Going on from the journal needs no further fit.
    assert search(tmp_path / "journal.log", Cliff(0.0)) == trials


def test_a_search_without_any_finite_error_ends_and_says_so(tmp_path: Path) -> None:
    trials = search(tmp_path / "journal.log", Cliff(edge=0.0), trials=7)
    assert len(trials) == 7
    with pytest.raises(SettingsError, match="none of 7 trials has a finite validation error"):
        study.best(trials)


def halved(journal: Path, *rungs: Valley, trials: int = 12) -> list[study.Trial]:
    return study.search(journal, SPACE, FIRST, rungs, trials=trials, seed=1, reduction=3)


def test_only_what_is_good_on_a_rung_comes_to_the_next_one(tmp_path: Path) -> None:
    small, large = Valley(), Valley()
    trials = halved(tmp_path / "journal.log", small, large)
    assert [len(trial.errors) for trial in trials[:2]] == [2, 2]  # each was the best so far
    assert small.tried == [trial.parameters["rate"] for trial in trials]
    assert large.tried == [trial.parameters["rate"] for trial in trials if trial.errors[1:]]
    assert len(large.tried) < 7
    errors = [trial.errors[0] for trial in trials]
    for number, trial in enumerate(trials):
        better = sum(error < errors[number] for error in errors[:number])
        assert (better < max(1, (number + 1) // 3)) == (len(trial.errors) == 2)
    found = study.best(trials)
    assert [parameters["rate"] for parameters, _ in found] == sorted(
        large.tried, key=lambda rate: float(np.log10(rate / 0.1) ** 2)
    )


def tried(*errors: float) -> study.Trial:
    curve = [Point(epoch=1, train_mse=None, validation_mse=errors[-1])]
    return study.Trial({"rate": errors[0]}, curve, errors)


@pytest.mark.parametrize(
    ("beyond", "rates"),
    [
        (0.0, [2.1, 2.5, 3.2, 3.0, 1.5]),
        # What 2.1 was ahead of the first trial, 3.0, has shrunk from 0.9 to 0.3 on one rung.
        (0.3, [2.1, 2.5, 3.2, 3.0, 1.5]),
        # 3.2 has gained on it, but on each further rung may lose a tenth of 3.0 - 1.6.
        (0.6, [2.5, 3.0, 3.2, 2.1, 1.5]),
        (100.0, [3.0, 3.2, 2.5, 2.1, 1.5]),
    ],
)
def test_what_a_trial_is_ahead_counts_as_it_will_be(beyond: float, rates: list[float]) -> None:
    """Finalists are those of two rungs."""
    finalists = [(3.0, 1.6), (2.1, 1.3), (2.5, 1.4), (3.2, 1.55), (1.5, 2.0)]
    trials = [*(tried(*errors) for errors in finalists), tried(1.0)]
    assert [p["rate"] for p, _ in study.best(trials, beyond)] == rates


@pytest.mark.parametrize("rung", [0, 1])
@pytest.mark.parametrize("killed_at", [0, 1, 2])
def test_a_search_on_rungs_that_is_killed_ends_like_one_that_was_not(
    tmp_path: Path, rung: int, killed_at: int
) -> None:
    straight = halved(tmp_path / "straight.log", Valley(), Valley())
    killed = [Valley(), Valley()]
    killed[rung].killed_at = killed_at
    with pytest.raises(Killed):
        halved(tmp_path / "journal.log", *killed)
    assert halved(tmp_path / "journal.log", Valley(), Valley()) == straight
