"""What published lists were made from, as far as gates look at it."""

from ymr_spark.records.record import Record


class Judged(Record):
    """An error or a worth with its 95 % interval, None where users are too few."""

    value: float
    low: float | None
    high: float | None


class Basis(Record):
    """reports/basis.json.

    Attributes:
        quarantine_share: of the raw lines.
        rating_shares: by rating in stars, of the train files' rows.
        user_mean: the mean over users of the mean of their ratings in the train files, stars.
        mse: the least of a model on test; None where none was judged.
        ndcg_100: of the recommended lists on test, likewise.
    """

    quarantine_share: float
    rating_shares: dict[float, float]
    user_mean: float
    mse: Judged | None
    ndcg_100: Judged | None
