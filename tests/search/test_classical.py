from dataclasses import replace

import numpy as np
from builders import flat_model

from ymr_spark.models.latent_factor_training import Rows
from ymr_spark.search import classical


def test_what_a_model_does_not_know_is_scored_by_the_bias_model() -> None:
    model = flat_model(4.0, 1, 2)
    fallback = replace(flat_model(2.0, 2, 2), user_offsets=np.array([0.0, 0.5]))
    rows = Rows(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([4, 2, 2]))
    # 4, 4, and 2.5 by the fallback, since user 1 is not in the model.
    assert classical._mse(model, fallback, rows) == (0 + 4 + 0.25) / 3
