"""What fitted models are kept as: their tables, and the arrays that score pairs."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Form:
    """What a fitted model is kept as.

    Args:
        parts: what follows the model's name in its tables' names, and their schemas.
        scorer: module:Class of the arrays that score pairs, where all of it is arrays.
        ranks: whether these have a `Ranker`, whose best of all songs can be searched.
    """

    parts: Mapping[str, str]
    scorer: str | None = None
    ranks: bool = False


FACTORS = Form(
    {"users": "USER_FACTORS", "songs": "SONG_FACTORS"},
    "ymr_spark.models.linear.factors:FactorModel",
    ranks=True,
)
WEIGHTS = Form(
    {"weights": "ITEM_WEIGHTS"},
    "ymr_spark.models.neighbors.item_weights:ItemWeights",
    ranks=True,
)
JOINT = Form(
    {"users": "USER_FACTORS", "songs": "SONG_FACTORS", "listening": "SONG_FACTORS"},
    "ymr_spark.models.two_tower.joint_model:JointModel",
    ranks=True,
)
DENSE = Form(
    {"users": "USER_EMBEDDINGS", "songs": "SONG_EMBEDDINGS", "layers": "MLP_LAYERS"},
    "ymr_spark.models.two_tower.dense:MlpModel",
)
NEIGHBORS = Form({"neighbors": "SIMILARITY_NEIGHBORS"})
