import numpy as np

from ymr_spark import seeds
from ymr_spark.setting_types import LARGEST


def test_small_seeds_stay_what_they_were() -> None:
    assert [seeds.of(seed, 7) for seed in (1, 2, 3)] == [10_007, 20_007, 30_007]


def test_every_seed_of_the_settings_is_one_of_every_library() -> None:
    for seed in (1, 20_261_126, 429_496, 429_497, LARGEST):
        found = {seeds.of(seed, number) for number in range(10_000)}
        assert len(found) == 10_000
        assert min(found) > 0
        np.random.RandomState(max(found))
