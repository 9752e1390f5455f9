from typing import Any

import numpy as np
import pytest
import told
from test_two_tower_training import ROWS

from ymr_spark.models.two_tower import curves
from ymr_spark.records.learning_curve import Curve
from ymr_spark.sources.r2.scale import R2

FIXED: dict[str, Any] = {
    "seed": 1,
    "dimension": 4,
    "l2": 1.0,
    "batch_size": 512,
    "max_epochs": 3,
}
FORMS: dict[str, dict[str, Any]] = {
    "dot": {"attributes": ()},
    "mlp": {"layers": (8,)},
}
QUICK: dict[str, Any] = {"learning_rate": 2.0}
SLOW: dict[str, Any] = {"learning_rate": 0.02}


def curve(network: str = "dot", **changed: Any) -> Curve:
    splits = (ROWS[split] for split in ("train", "validation"))
    # Ids of their own, with gaps.
    train, held_out = (
        (rows[:, 0] * 3, rows[:, 1] * 2, rows[:, 2].astype(float)) for rows in splits
    )
    settings = FIXED | QUICK | FORMS[network] | changed
    return curves.curve(network, train, held_out, R2, **settings)


def test_the_setting_known_to_be_better_is_better() -> None:
    quick, slow = curve(), curve(**SLOW)
    assert told.known(quick[-1].validation_mse) < 0.8 * told.known(slow[-1].validation_mse)
    assert [point.epoch for point in quick] == [1, 2, 3]
    assert [p.validation_mse for p in curve()] == [p.validation_mse for p in quick]


def test_every_epoch_is_judged_though_it_over_fits() -> None:
    assert len(curve(learning_rate=4.0, dimension=64, l2=0.01, max_epochs=7)) == 7


def test_half_stars_are_kept() -> None:
    ids, stars = np.array([3, 7]), np.array([4.5, 4.0])
    columns = curves._columns((ids, ids, stars), ids, ids)
    assert columns["rating"].tolist() == [4.5, 4.0]


def test_the_model_of_dense_layers() -> None:
    assert len(curve("mlp", max_epochs=2)) == 2


@pytest.mark.parametrize("network", FORMS)
@pytest.mark.parametrize("stars", [1, 5])
def test_ratings_that_are_all_at_one_end_of_the_scale(network: str, stars: int) -> None:
    rows = [np.where([False, False, True], stars, rows) for rows in ROWS.values()]
    train, held_out = ((part[:, 0], part[:, 1], part[:, 2]) for part in rows[:2])
    found = curves.curve(network, train, held_out, R2, **FIXED | QUICK | FORMS[network])
    assert all(0 <= told.known(point.validation_mse) < 0.001 for point in found)


@pytest.mark.parametrize("seed", [None, (1, 2)])
def test_a_pass_has_every_row_once(seed: tuple[int, ...] | None) -> None:
    columns = {"a": np.arange(10), "b": np.arange(10) ** 2}
    found = list(curves.batches(columns, 4, seed).as_numpy_iterator())
    assert [len(batch["a"]) for batch in found] == [4, 4, 2]
    a, b = (np.concatenate([batch[name] for batch in found]) for name in ("a", "b"))
    np.testing.assert_array_equal(b, a**2)
    assert sorted(a) == list(range(10))
    assert (a.tolist() == list(range(10))) is (seed is None)


def test_ids_not_in_train_have_index_0() -> None:
    found = curves._indices(np.array([3, 7, 9]), np.array([9, 4, 3, 10]))
    assert found.tolist() == [3, 0, 1, 0]
