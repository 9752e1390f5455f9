"""Fitted linear models: what they know of every model, and each user's best of all items."""

from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.ranking_model import RankingModel


class LinearModel(RankingModel[FactorModel]):
    """A model whose score is a sum of offsets and a product of factors."""

    kept = FactorModel
    parts = ("users", "songs")
