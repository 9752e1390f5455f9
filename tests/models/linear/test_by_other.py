import numpy as np

from ymr_spark.models.linear import by_other
from ymr_spark.packing import Block


def test_products_are_sums_over_each_owners_ratings() -> None:
    random = np.random.default_rng(1)
    counts = np.array([3, 1, 4], np.int32)
    places = np.array([0, 2, 5, 2, 1, 2, 3, 6])
    values = random.normal(size=8)
    block = Block(np.array([4, 7, 9], np.int32), counts, 10 * places.astype(np.int32), values)
    table = random.normal(size=(8, 2)).astype(np.float32)
    ratings = by_other.matrix(block, values, places, len(table))
    owner = np.repeat(np.arange(3), counts)
    for matrix, weights in ((ratings, values), (by_other.ones(ratings), np.ones(8))):
        sums = [(weights[owner == o, None] * table[places[owner == o]]).sum(0) for o in range(3)]
        np.testing.assert_allclose(matrix @ table, sums, rtol=1e-6)


def test_it_is_laid_out_by_other() -> None:
    owners, counts, others = (np.array(v, np.int32) for v in ([0, 1], [2, 2], [0, 3, 0, 2]))
    block = Block(owners, counts, others, np.arange(4.0))
    ratings = by_other.matrix(block, block.ratings, others, 5)
    assert ratings.indptr.tolist() == [0, 2, 2, 3, 4, 4]
    assert ratings.indices.tolist() == [0, 1, 1, 0]
    assert ratings.data.tolist() == [0, 2, 3, 1]
