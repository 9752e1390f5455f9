"""The two-tower models in the shape of pyspark.ml."""

from ymr_spark.models import sections
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.linear.model import LinearModel
from ymr_spark.models.ranking_model import RankingModel
from ymr_spark.models.two_tower.dense import MlpModel
from ymr_spark.models.two_tower.joint_model import JointModel
from ymr_spark.models.two_tower.shard_estimator import ShardEstimator


class TwoTowerDotModel(LinearModel):
    """A fitted `TwoTowerDot`."""


class TwoTowerDot(ShardEstimator[TwoTowerDotModel]):
    """Towers with offsets, joined by a dot product; see `two_tower.dot`."""

    section, network, name = sections.TwoTowerDot, "dot", "two_tower_dot"
    model = TwoTowerDotModel


class TwoTowerMlpModel(RatingModel[MlpModel]):
    """A fitted `TwoTowerMlp`."""

    kept = MlpModel
    parts = ("users", "songs", "layers")


class TwoTowerMlp(ShardEstimator[TwoTowerMlpModel]):
    """Both embeddings side by side through dense layers; see `two_tower.mlp`."""

    section, network, name = sections.TwoTowerMlp, "mlp", "two_tower_mlp"
    model = TwoTowerMlpModel


class TwoTowerRetrievalModel(LinearModel):
    """A fitted `TwoTowerRetrieval`; its prediction is the logarithm of a chance but for a summand
    of the user's."""


class TwoTowerRetrieval(ShardEstimator[TwoTowerRetrievalModel]):
    """Towers that find what a user listens to; see `two_tower.retrieval`."""

    section, network, name = sections.TwoTowerRetrieval, "retrieval", "two_tower_retrieval"
    model = TwoTowerRetrievalModel
    falls_back = False


class TwoTowerJointModel(RankingModel[JointModel]):
    """A fitted `TwoTowerJoint`, whose prediction is stars; its lists are by listening."""

    kept = JointModel
    parts = ("users", "songs", "listening")


class TwoTowerJoint(ShardEstimator[TwoTowerJointModel]):
    """Towers that learn from what was rated and from how; see `two_tower.joint`."""

    section, network, name = sections.TwoTowerJoint, "joint", "two_tower_joint"
    model = TwoTowerJointModel


class DeepCrossModel(LinearModel):
    """A fitted `DeepCross`."""


class DeepCross(ShardEstimator[DeepCrossModel]):
    """A song tower that reads a song's content, by a deep & cross network; see
    `two_tower.deep_cross`. It scores songs that nobody rated by their content."""

    section, network, name = sections.DeepCross, "cross", "deep_cross"
    model = DeepCrossModel
    falls_back = False
