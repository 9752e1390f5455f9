"""Fits that begin with what an earlier one has found, after new users came."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import told
from pyspark.sql import DataFrame, SparkSession

from ymr_spark.errors import SettingsError
from ymr_spark.models import registry
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.variational_bayes import Found
from ymr_spark.records.learning_curve import Curve

USERS, SONGS, COLUMNS = 400, 150, "user int, item int, rating double, held boolean"
QUICK: dict[str, dict[str, Any]] = {"latent_factor": {"rank": 4, "maxIter": 30, "tol": 1e-4}}


def planted(spark: SparkSession, users: range, songs: range) -> DataFrame:
    """A third of all pairs, of a taste of rank 3; a tenth of them is held out."""
    random = np.random.default_rng(1)
    taste = random.normal(0, 0.8, (USERS, 3)) @ random.normal(0, 0.8, (3, SONGS))
    offsets = random.normal(0, 0.3, (USERS, 1)) + random.normal(0, 0.3, SONGS)
    stars = np.clip(np.rint(3 + taste + offsets + random.normal(0, 0.5, taste.shape)), 1, 5)
    asked, held = random.random(stars.shape) < 1 / 3, random.random(stars.shape) < 0.1
    rows = [
        (u, s, float(stars[u, s]), bool(held[u, s]))
        for u, s in np.argwhere(asked).tolist()
        if u in users and s in songs
    ]
    return spark.createDataFrame(rows, COLUMNS)


def estimator(name: str, **params: Any) -> Any:
    made = registry.imported(registry.named(name).estimator)
    return made(**QUICK[name] | params, validationIndicatorCol="held")


Fits = tuple[str, DataFrame, RatingModel[Any], RatingModel[Any]]


@pytest.fixture(scope="module", params=[*QUICK])
def fits(request: pytest.FixtureRequest, spark: SparkSession) -> Fits:
    """A model, the ratings of all users, and fits to them: to those of the first half and of all
    songs but some; and to all, from nothing."""
    name = request.param
    everything = planted(spark, range(USERS), range(SONGS)).persist()
    before = planted(spark, range(USERS // 2), range(SONGS - 5))
    return name, everything, estimator(name).fit(before), estimator(name).fit(everything)


def errors(curve: Curve) -> list[float]:
    return [told.known(point.validation_mse) for point in curve]


def test_it_is_as_good_in_half_of_the_rounds(fits: Fits) -> None:
    name, everything, before, anew = fits
    assert before.found is not None
    on = estimator(name).setStart(before.found).fit(everything)
    rounds, best = errors(anew.learning_curve), min(errors(anew.learning_curve))
    as_good = [error <= best * 1.005 for error in errors(on.learning_curve)]
    assert as_good.index(True) + 1 <= (rounds.index(best) + 1) / 2
    assert errors(on.learning_curve)[0] < rounds[0]
    # Users and songs are those of the ratings, no others.
    assert on.scorer.user_ids.tolist() == anew.scorer.user_ids.tolist()
    assert on.scorer.song_ids.tolist() == anew.scorer.song_ids.tolist()


def test_what_was_found_in_songs_that_are_gone_is_left_out(spark: SparkSession, fits: Fits) -> None:
    name, _, _, anew = fits
    fewer = planted(spark, range(USERS // 2), range(40))
    on = estimator(name).setStart(anew.found).fit(fewer)
    assert max(on.scorer.song_ids) < 40
    assert max(on.scorer.user_ids) < USERS // 2


def test_a_fit_of_another_form_begins_anew(spark: SparkSession, fits: Fits) -> None:
    name, _, before, _ = fits
    other = {"latent_factor": {"rank": 3}}[name]
    some = planted(spark, range(50), range(SONGS))
    anew = estimator(name, **other).fit(some)
    on = estimator(name, **other).setStart(before.found).fit(some)
    assert errors(on.learning_curve) == errors(anew.learning_curve)


def test_a_start_is_not_saved_with_an_estimator(fits: Fits, tmp_path: Path) -> None:
    name, _, before, _ = fits
    with pytest.raises(SettingsError, match="what setStart has given is not saved"):
        estimator(name).setStart(before.found).save(str(tmp_path / "estimator"))


def test_nothing_of_users_is_found_by_latent_factor(fits: Fits) -> None:
    name, _, before, _ = fits
    if name == "latent_factor":
        assert before.found is not None
        found = Found.of_npz(before.found)
        assert found.as_npz() == before.found
        assert len(found.songs.ids) == SONGS - 5
