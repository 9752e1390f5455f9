"""What the two-tower models have in common in the shape of pyspark.ml.

Training reads verified shards and needs no Spark session; a DataFrame becomes shards first.
TensorFlow, which takes seconds to import, is imported where a training begins.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, TypeVar

from pyspark.sql import SparkSession

from ymr_spark.models import sections
from ymr_spark.models.arrays import Ints
from ymr_spark.models.estimator import HasCheckpointDir, RatingEstimator
from ymr_spark.models.fitted import RatingModel
from ymr_spark.models.train_ratings import TrainRatings
from ymr_spark.models.two_tower.stopping import best_epoch
from ymr_spark.ratings import identity_of_all
from ymr_spark.records.learning_curve import Curve
from ymr_spark.runtime import barrier
from ymr_spark.shards import indices, writing
from ymr_spark.shards.inventory import Inventory
from ymr_spark.store import scratch
from ymr_spark.store.locations import Location

Fitted = TypeVar("Fitted", bound=RatingModel[Any])
_ROW_GROUP_ROWS = 65_536


class ShardEstimator(RatingEstimator[Fitted], HasCheckpointDir):
    """What is fitted by TensorFlow Recommenders.

    Without `validationIndicatorCol` it trains for `maxEpochs` and keeps the last.
    """

    network: ClassVar[str]
    name: ClassVar[str]
    model: ClassVar[type[RatingModel[Any]]]

    def _train(
        self, ratings: TrainRatings, settings: dict[str, Any], fallback: RatingModel[Any] | None
    ) -> Fitted:
        rows, splits = {"train": ratings.train}, {"train": ratings.by_user}
        if ratings.validation is not None:
            rows["validation"] = ratings.validation
            splits["validation"] = ratings.layouts.by_user.of("validation")
        with scratch.named_or_temporary(None) as shards:
            contents = writing.write(
                shards,
                splits,
                indices.without_songs(ratings.by_user),
                {name: identity_of_all(frame, ratings.scale) for name, frame in rows.items()},
                ratings_version=0,
                seed=self.getOrDefault("seed"),
                row_group_rows=_ROW_GROUP_ROWS,
                row_groups_multiple=1,
            )
            return self.fit_shards(shards, contents)

    def fit_shards(
        self,
        shards: Location,
        contents: Inventory,
        songs: Mapping[str, Ints] | None = None,
        *,
        together: sections.TwoTower | None = None,
        spark: SparkSession | None = None,
        kept: Location | None = None,
    ) -> Fitted:
        """`fit` to a verified folder of shards.

        Args:
            contents: as `inventory.verify` returned it.
            songs: `indices.catalogue` of all songs; without it, of those in the shards.
            together: how many workers train, and how long they wait.
            spark: to start several workers by.
            kept: a folder for the SavedModel and the learning curve.
        """
        training = self._training(shards, contents, together)
        with self.checkpoints() as training["checkpoints"]:
            if spark is not None and together is not None and together.workers > 1:
                _train_together(spark, together.workers, training)
            from ymr_spark.models.two_tower import training as tensorflow_training

            network, curve = tensorflow_training.fit(**training)
        return self._fitted(network, curve, shards, songs, kept)

    def refit_shards(
        self, chosen: Fitted, shards: Location, contents: Inventory, **others: Any
    ) -> Fitted:
        """`refit` to a verified folder of shards with train and validation rows.

        Args:
            others: as for `fit_shards`.
        """
        settled: Any = self._settled(chosen)
        fitted: Fitted = settled.fit_shards(shards, contents.with_validation(), **others)
        return fitted

    def update_shards(
        self,
        chosen: Any,
        shards: Location,
        contents: Inventory,
        songs: Mapping[str, Ints] | None = None,
        *,
        together: sections.TwoTower | None = None,
        kept: Location | None = None,
    ) -> Fitted:
        """`update` by a verified folder of shards with train and validation rows, in this process.

        Args:
            chosen: fitted in this process to the same folder.
            songs, together, kept: as for `fit_shards`.
        """
        from ymr_spark.models.two_tower import training as tensorflow_training

        training = self._training(shards, contents, together)
        for name in ("max_epochs", "patience", "tolerance"):
            del training[name]
        curve = chosen.learning_curve
        network = tensorflow_training.update(chosen.network, 1 + best_epoch(curve), **training)
        return self._fitted(network, curve, shards, songs, kept)

    def curve(self, ratings: TrainRatings) -> Curve:
        """A point for each of `maxEpochs`, on rows in memory and without attributes of songs."""
        from ymr_spark.models.two_tower import curves

        settings = self.settings()
        settings |= {"attributes": []} if "attributes" in settings else {}
        return curves.curve(
            self.network,
            ratings.train_arrays.columns,
            ratings.validation_arrays.columns,
            ratings.scale,
            seed=self.getOrDefault("seed"),
            **{name: v for name, v in settings.items() if name not in ("patience", "tolerance")},
        )

    def _rounds(self, chosen: Fitted) -> dict[str, Any]:
        return {"max_epochs": 1 + best_epoch(chosen.learning_curve)}

    def _training(
        self, shards: Location, contents: Inventory, together: sections.TwoTower | None
    ) -> dict[str, Any]:
        return {
            "network": self.network,
            "shards": shards,
            "contents": contents,
            "seed": self.getOrDefault("seed"),
            "stall_seconds": (together or sections.TwoTower()).stall_seconds,
            **self.settings(),
        }

    def _fitted(
        self,
        network: Any,
        curve: Curve,
        shards: Location,
        songs: Mapping[str, Ints] | None,
        kept: Location | None,
    ) -> Fitted:
        if kept is not None:
            from ymr_spark.models.two_tower import towers

            towers.keep(network, curve, kept)
        ids = indices.load(shards / "indices")
        songs = indices.without_attributes(ids) if songs is None else songs
        fitted: Any = self.model(network.artifact(self.name, ids, songs), curve)
        fitted.network, fitted.fallback = network, self.fallback
        found: Fitted = self._copyValues(fitted)
        return found


def _train_together(spark: SparkSession, workers: int, training: dict[str, Any]) -> None:
    """Bring the training to its end by several workers; what is left is to take it up."""
    from ymr_spark.models.two_tower.workers import work

    barrier.run(spark, workers, partial(work, **training))
