import numpy as np

from ymr_spark.models.constant import constant
from ymr_spark.models.factors import FactorModel


def test_the_mean_for_everyone() -> None:
    ids, nothing = np.array([3, 8], np.int32), np.empty((2, 0), np.float32)
    bias = FactorModel("bias", 3.5, ids, np.ones(2), nothing, ids, -np.ones(2), nothing)
    model = constant(bias)
    stars, known = model.predict(np.array([3, 8, 9]), np.array([8, 4, 3]))
    assert model.name == "constant"
    assert stars.tolist() == [3.5, 3.5, 3.5]
    assert known.tolist() == [True, False, False]
