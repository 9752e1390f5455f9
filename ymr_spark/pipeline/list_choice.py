"""Which published models make the lists that are recommended, by what evaluate found."""

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.errors import DataContractError, SettingsError
from ymr_spark.models import registry
from ymr_spark.models.arrays import CHANCES
from ymr_spark.models.second_stage import SecondStage
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.settings import Recommend
from ymr_spark.pipeline.warehouse import Warehouse

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """The model that ranks the songs, and what puts its best in order, if anything does."""

    ranker: Any
    then: SecondStage | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the models."""
        return (self.ranker.name, *((self.then.stars.name,) if self.then else ()))


def choose(warehouse: Warehouse, options: Recommend) -> Choice:
    """What the settings ask for.

    Raises:
        SettingsError: the model is not published, or cannot do what is asked.
        DataContractError: no model tells songs apart.
    """
    published = publication.all_registered(warehouse)
    known = [name for name in registry.RANKING if name in published]
    if options.model not in ("best", *known):
        raise SettingsError(f"recommend.model={options.model}: expected best or one of {known}")
    if options.model != "best":
        return _choice(warehouse, options.model, options)
    ordered = _by_rating(warehouse) if options.by == "rating" else _by_lists(warehouse)
    names = [name for name in ordered if name in known]
    for name in names:
        with suppress(SettingsError):  # it cannot do what is asked
            choice = _choice(warehouse, name, options)
            if choice.ranker.tells_songs_apart:
                return choice
    raise DataContractError(
        f"recommend.model=best: none of {names} tells songs apart, by what recommend.by asks for; "
        "train another model, or name one of them to have the songs in the order of their ids"
    )


def _choice(warehouse: Warehouse, name: str, options: Recommend) -> Choice:
    scorer: Any = publication.load(warehouse, name)
    if options.by == "rating":
        if scorer.rating is None:
            raise SettingsError(
                f"recommend.by=rating: {name} predicts no ratings; expected both or listening, or "
                "another recommend.model"
            )
        return Choice(scorer.rating, None)
    if scorer.ranker.link in CHANCES:
        both = options.by != "listening"
        return Choice(scorer.ranker, _second(warehouse, scorer.ranker, options) if both else None)
    if options.by is None:
        return Choice(scorer.ranker, None)
    raise SettingsError(
        f"recommend.by={options.by}: {name} knows stars only, not who listens to what; expected "
        "rating, or another recommend.model"
    )


def _second(warehouse: Warehouse, ranker: Any, options: Recommend) -> SecondStage | None:
    rows = {row["model"]: row for row in warehouse.load("list_weights").to_pylist()}
    row = rows.get(ranker.name)
    if row is None:
        if options.by == "both":
            raise SettingsError(
                "recommend.by=both: no user has validation rows, by which the two are weighed; "
                "expected listening or rating"
            )
        return None
    stars = publication.load(warehouse, row["rating_model"])
    fallback = registry.named(stars.name).fallback
    other = publication.load(warehouse, fallback) if fallback else None
    return SecondStage(stars, other, ranker.link, row["weight"])


def _by_rating(warehouse: Warehouse) -> list[str]:
    """Models of stars that rank songs, the least MSE on validation first."""
    scored = warehouse.load("metrics").sort_by(
        [("split", "descending"), ("mse", "ascending"), ("model", "ascending")]
    )
    if "validation" not in scored["split"].to_pylist():
        log.warning("no user has validation rows: the best model is the best one on test")
    return [n for n in pc.unique(scored["model"]).to_pylist() if n in registry.RANKING]


def _by_lists(warehouse: Warehouse) -> list[str]:
    """Models that rank songs, the best lists on validation first, without validation on test."""
    judged = warehouse.load("ranking")
    if "validation" in judged["split"].to_pylist():
        judged = judged.filter(pc.equal(judged["split"], pa.scalar("validation")))
    ordered = judged.sort_by([("ndcg_100", "descending"), ("model", "ascending")])
    return [name for name in ordered["model"].to_pylist() if name in registry.RANKING]
