"""The comparison as one record and as a table on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ymr_spark import strict_json
from ymr_spark.errors import DataContractError
from ymr_spark.evaluation import metrics
from ymr_spark.evaluation.breakdown import Order, Ordering
from ymr_spark.evaluation.list_judgement import Judgement
from ymr_spark.evaluation.list_quality import ListFigures, Worths
from ymr_spark.evaluation.metrics import Difference, Errors, Score
from ymr_spark.identity import Identity
from ymr_spark.records.record import Record


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


def leaderboard(
    scored: Sequence[Score],
    pairs: Sequence[Difference],
    orders: Sequence[Order],
    lists: Judgement,
    fit_seconds: Mapping[str, float],
    fitted_to: Identity,
    splits: Mapping[str, Identity],
    floor_mse: float | None,
    at_edge: Mapping[str, Sequence[str]],
) -> Leaderboard:
    """The board of the models that have a score on test.

    Args:
        fitted_to: what all were fitted to in the end.
        splits: train, which they were chosen on, and test.
        floor_mse: the irreducible MSE of planted data.
        at_edge: of the models of which there are any, as in `Standing`.
    """
    train, test = splits["train"], splits["test"]
    rows: dict[str, Any] = {"train_rows": fitted_to.rows, "train_hash": fitted_to.hash}
    rows |= {"chosen_on_rows": train.rows, "chosen_on_hash": train.hash, "test_hash": test.hash}
    on_test = sorted((s for s in scored if s.split == "test"), key=lambda score: score.mse)
    groups = metrics.groups(on_test, [pair for pair in pairs if pair.split == "test"])
    ordered = {order.model: order for order in orders if order.split == "test"}
    entries = []
    for group, score in zip(groups, on_test, strict=True):
        name = score.model
        more: dict[str, Any] = {} if floor_mse is None else {"excess_mse": score.mse - floor_mse}
        more |= {"at_edge": tuple(at_edge[name])} if name in at_edge else {}
        entries.append(
            Standing(
                name=name,
                group=group,
                **score.model_dump(include={*Errors.model_fields}),
                **ordered[name].model_dump(include={*Ordering.model_fields}),
                **rows,
                fit_seconds=fit_seconds[name],
                **more,
            )
        )
    return Leaderboard(
        test_rows=test.rows,
        **rows,
        models=tuple(entries),
        lists=_lists(lists, fitted_to),
        **({} if floor_mse is None else {"floor_mse": floor_mse}),
        **({} if lists.oracle is None else {"oracle_lists": lists.oracle}),
    )


def _lists(judged: Judgement, fitted_to: Identity) -> tuple[ListStanding, ...]:
    """On test, the most NDCG@100 first."""
    validation = {q.model: q.ndcg_100 for q in judged.quality if q.split == "validation"}
    on_test = {q.model: q for q in judged.quality if q.split == "test"}
    return tuple(
        ListStanding(
            name=name,
            group=group,
            validation_ndcg_100=validation.get(name),
            way=judged.ways.get(name),
            train_rows=fitted_to.rows,
            train_hash=fitted_to.hash,
            **on_test[name].model_dump(include={*ListFigures.model_fields}),
        )
        for name, group in judged.groups.items()
    )


def show(board: Leaderboard) -> None:
    """Print the leaderboard."""
    title = f"{board.test_rows:,} test rows, all models fitted on {board.train_rows:,} rows"
    table = Table(title=title)
    for column in ("", "model", "MSE", "95 % interval", "RMSE", "MAE", "fallback", "fit"):
        table.add_column(column, justify="left" if column == "model" else "right")
    for m in board.models:
        table.add_row(
            str(m.group),
            m.name,
            f"{m.mse:.4f}",
            "–" if m.mse_low is None else f"{m.mse_low:.4f} – {m.mse_high:.4f}",
            f"{m.rmse:.4f}",
            f"{m.mae:.4f}",
            f"{m.fallback_share:.1%}",
            f"{m.fit_seconds:.0f} s",
        )
    if board.floor_mse is not None:
        table.add_row("", "planted floor", f"{board.floor_mse:.4f}", style="dim")
    console = Console(width=None if Console().is_terminal else 100)
    console.print(table)
    for m in board.models:
        if m.at_edge:
            console.print(f"{m.name}: {', '.join(m.at_edge)} at the end of its range, see tune")
