import numpy as np
from builders import ratings
from pyspark.sql import SparkSession

from ymr_spark.models.linear import constant
from ymr_spark.packing import by_user


def test_the_mean_for_everyone(spark: SparkSession) -> None:
    model = constant.fit(by_user(ratings(spark, [(3, 3, 5), (3, 8, 5), (8, 8, 1), (8, 3, 3)])))
    stars, known = model.predict(np.array([3, 8, 9]), np.array([8, 4, 3]))
    assert model.name == "constant"
    assert stars.tolist() == [3.5, 3.5, 3.5]
    assert known.tolist() == [True, False, False]
