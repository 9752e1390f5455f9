"""The comparison of all models as one record, with what it tells of each."""

from ymr_spark import strict_json
from ymr_spark.errors import DataContractError
from ymr_spark.records.record import Record

NDCG_STARS = 10  # songs of a user, by predicted stars


class Errors(Record):
    """Of one model on the rows of one split; the interval is None where users are too few."""

    rows: int
    mse: float  # stars squared
    rmse: float
    mae: float
    mse_low: float | None  # 95 % interval, users resampled
    mse_high: float | None
    fallback_share: float


class Ordering(Record):
    """How well a model orders each user's held-out songs, see `evaluation.ordering`: means over
    users, with 95 % intervals, None where the users are too few.
    """

    k: int = NDCG_STARS  # of NDCG
    ndcg_users: int
    ndcg: float | None
    ndcg_low: float | None
    ndcg_high: float | None
    pairwise_users: int  # with two different ratings
    pairwise: float | None  # share of pairs with different ratings that are in the right order
    pairwise_low: float | None
    pairwise_high: float | None


class Worths(Record):
    """Means over users, see `lists.worth`; None where no user has a liked song, the interval where
    such users are too few."""

    users: int
    ndcg_100: float | None
    ndcg_100_low: float | None
    ndcg_100_high: float | None
    ndcg_10: float | None
    recall_100: float | None
    recall_20: float | None


class ListFigures(Worths):
    """What there is to tell of a model's lists.

    Attributes:
        coverage: share of the songs that the model could have listed that is in any list.
        novelty: of a listed song, the mean of -log2 of the share of the users who have rated it.
        shared: of two users' lists, the mean share in common; None of a single list.
    """

    coverage: float
    novelty: float
    shared: float | None


class Standing(Errors, Ordering):
    """One model on the test rows.

    Attributes:
        group: from 1; equal for models that the test rows cannot tell apart.
        train_rows, train_hash: of the final fit, which the test rows judge.
        chosen_on_rows, chosen_on_hash: of the fit that the validation rows have judged.
        excess_mse: beyond the floor of planted data.
        at_edge: settings whose chosen value is the end of what was to choose from.
    """

    name: str
    group: int
    train_rows: int
    train_hash: str
    chosen_on_rows: int
    chosen_on_hash: str
    test_hash: str
    fit_seconds: float
    excess_mse: float | None = None
    at_edge: tuple[str, ...] = ()


class ListStanding(ListFigures):
    """One model's lists by the liked songs of test; `recommend` are those that are recommended.

    Attributes:
        group: from 1; equal for models whose lists the users cannot tell apart.
        validation_ndcg_100: of the fit that had not seen the validation rows.
        way: of planted data, how much of the way there is from most_popular to the oracle.
        train_rows, train_hash: of the final fit.
    """

    name: str
    group: int
    validation_ndcg_100: float | None
    way: float | None
    train_rows: int
    train_hash: str


class Leaderboard(Record):
    """reports/leaderboard.json: all models on the same rows, the least MSE on test first.

    Attributes:
        train_rows, train_hash, chosen_on_rows, chosen_on_hash: the same of all, as in `Standing`.
        floor_mse: the irreducible MSE of planted data; left out where none is known.
        oracle_lists: how good the best lists of planted data are; left out likewise.
        lists: by NDCG@100, the best first.
    """

    train_rows: int
    train_hash: str
    chosen_on_rows: int
    chosen_on_hash: str
    test_rows: int
    test_hash: str
    floor_mse: float | None = None
    oracle_lists: Worths | None = None
    models: tuple[Standing, ...]
    lists: tuple[ListStanding, ...]

    def as_json(self) -> str:
        """What `of_json` reads."""
        return strict_json.dumps(self.model_dump(exclude_unset=True), indent=1)

    @classmethod
    def of_json(cls, text: str | bytes) -> "Leaderboard":
        """The board that was written so.

        Raises:
            DataContractError: it is none of this version.
        """
        try:
            return cls.model_validate_json(text)
        except ValueError as e:
            raise DataContractError(
                f"reports/leaderboard.json: not a leaderboard of this version "
                f"({str(e).splitlines()[0]}); run jobs/evaluate.py --force"
            ) from e

    @property
    def names(self) -> list[str]:
        """Of the models, the best first."""
        return [entry.name for entry in self.models]

    @property
    def mse(self) -> dict[str, float]:
        """By model, the best first."""
        return {entry.name: entry.mse for entry in self.models}
