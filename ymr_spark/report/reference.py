"""Published figures of R2's first part, shown beside ours and marked as such."""

from ymr_spark.scale import Scale
from ymr_spark.sources.r2.scale import R2

_SOURCES = ("planted", "folder")  # raw.source of R2's layout
NAME = "R2 train_0, published"
RATING_MILLIONS = {1: 20.2, 2: 8.3, 3: 11.4, 4: 12.4, 5: 24.0}  # read off a histogram, ± 0.2
RATING_SHARES = {r: n / sum(RATING_MILLIONS.values()) for r, n in RATING_MILLIONS.items()}
TEST_MEAN = 3.46
# Statistics of the describe table, by column; the rest was not published.
COLUMNS: dict[str, dict[str, float]] = {
    "rating": {"count": 76_344_627, "mean": 3.15349, "stddev": 1.599536},
    "genre_id": {
        **{"count": 76_344_627, "mean": 16.77832, "stddev": 43.07285},
        **{"q25": 0, "q50": 0, "q75": 0, "max": 215},
    },
    "parent_genre_id": {"mean": 16.70814, "stddev": 42.89884, "max": 211},
    "level": {"mean": 1.013341, "stddev": 0.1266558, "max": 3},
}
CORRELATIONS = {("rating", "genre_id"): 0.020506, ("rating", "level"): 0.004521}
UNKNOWN_GENRE_SHARE = 0.87
MODELS_MSE = {
    "train mean": 2.51,
    "bias model, fitted on 1.8 M rows": 1.759,
    "collaborative filtering, one chunk of the rows": 1.742,
    "neural network, all rows, 6 epochs": 1.396,
}


def is_of(source: str, scale: Scale) -> bool:
    """Whether data of this raw.source and scale is R2, or like it: of others the figures would be
    shares and means of something else.
    """
    return source in _SOURCES and scale == R2
