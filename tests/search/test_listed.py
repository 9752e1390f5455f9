"""Lists of held-out rows, by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from builders import flat_model, ratings
from pyspark.sql import SparkSession

from ymr_spark.models.linear.implicit_als import ImplicitAlsModel
from ymr_spark.packing import by_user
from ymr_spark.search.lists import listed, listeners


def test_what_lists_are_worth(spark: SparkSession) -> None:
    """By song: 3 is put first, then 2, 1 and 0."""
    rows = ratings(spark, [(1, 3, 5), (2, 0, 1)])
    rows = rows.union(ratings(spark, [(1, 1, 5), (1, 0, 1), (2, 3, 4)], "validation"))
    order = replace(flat_model(3.0, 3, 4), song_offsets=np.arange(4.0), link="chance")
    (found,) = listed(ImplicitAlsModel(order), listeners(by_user(rows), seed=1))
    # User 1 has 2 and then 1, which is liked; user 2 has 3 first of all.
    assert found.validation_ndcg == pytest.approx((1 / math.log2(3) + 1) / 2)
    assert found.validation_mse is None
