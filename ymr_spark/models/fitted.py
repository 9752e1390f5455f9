"""A fitted model in the shape of pyspark.ml: it transforms a DataFrame, and is saved and loaded."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, Generic, Self, TypeVar

import pandas as pd
import pyarrow as pa
from pyspark.ml import Model
from pyspark.ml.util import (
    DefaultParamsReader,
    DefaultParamsWriter,
    MLReadable,
    MLReader,
    MLWritable,
    MLWriter,
)
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from ymr_spark.errors import DataContractError
from ymr_spark.models import columns
from ymr_spark.models.columns import IdCodes, RatingColumns
from ymr_spark.models.held_out import HeldOut
from ymr_spark.models.scorer import Scorer, predicted
from ymr_spark.ratings import with_scale
from ymr_spark.records.learning_curve import Curve, Point
from ymr_spark.scale import Scale

Kept = TypeVar("Kept", bound=Scorer)
_SCORED = "prediction double, fallback boolean"


class RatingModel(Model, RatingColumns, MLWritable, MLReadable["RatingModel[Any]"], Generic[Kept]):
    """What an estimator of this library has fitted.

    Attributes:
        scorer: the arrays that it scores by.
        fallback: the model that scores what this one does not know.
        users, items: how ids become the scorer's whole numbers.
        rated: (user_id, song_id, rating) of all that it was given, by these numbers; None of a
            model that was made of arrays, or fitted to shards.
        learning_curve: of the training; none where it has no epochs or iterations.
        figures: what else is to be told of the training.
        found: what another fit may begin with, by `RatingEstimator.setStart`; only of kinds that
            can, and of a model that was fitted in this process.
    """

    kept: ClassVar[type[Scorer]]
    parts: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        scorer: Kept | None = None,
        learning_curve: Iterable[Point] = (),
        figures: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if scorer is not None:
            self.scorer = scorer
        self.learning_curve: Curve = [*learning_curve]
        self.figures = figures or {}
        self.found: bytes | None = None
        self.fallback: RatingModel[Any] | None = None
        self.users, self.items = IdCodes("int"), IdCodes("int")
        self.rated: DataFrame | None = None

    def _transform(self, dataset: DataFrame) -> DataFrame:
        """The rows with `predictionCol`, in stars, and `fallbackCol`, which says where this model
        does not know the user or the item and another one, or the mean, is in its place.

        Raises:
            DataContractError: a column is missing, of a wrong type, or there already.
        """
        user, item = self.column("userCol"), self.column("itemCol")
        columns.require_ids(dataset, user, item)
        new = self.column("predictionCol"), self.column("fallbackCol")
        for name in new:
            if name in dataset.columns:
                raise DataContractError(
                    f"column {name}: there already; drop it, or give predictionCol and fallbackCol "
                    "other names"
                )
        return self._scored(dataset, *new)

    @property
    def by_pairs(self) -> tuple[Scorer, Scorer | None] | None:
        """What `scorer.predicted` predicts its pairs by; None where it takes more than arrays."""
        return self.scorer, self.fallback.scorer if self.fallback else None

    def _scored(self, dataset: DataFrame, prediction: str, fallback: str) -> DataFrame:
        assert self.by_pairs is not None
        needed = *self.by_pairs, self.users, self.items
        shared = dataset.sparkSession.sparkContext.broadcast(needed)

        def score(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
            scorer, other, users, items = shared.value
            for asked in batches:
                pairs = users.codes(asked[0]), items.codes(asked[1])
                stars, known = predicted(scorer, other, *pairs)
                yield pd.DataFrame({"prediction": stars, "fallback": ~known})

        scored = pandas_udf(score, _SCORED)  # type: ignore[call-overload]
        user = self.users.asked(self.column("userCol"))
        item = self.items.asked(self.column("itemCol"))
        found = dataset.withColumn("_scored", scored(user, item))
        named = found.withColumns(
            {prediction: F.col("_scored.prediction"), fallback: F.col("_scored.fallback")}
        )
        return named.drop("_scored")

    def mse(self, rows: HeldOut) -> float:
        """Mean squared error, in stars squared, of what it predicts for rows by the scorer's
        whole numbers; NaN of no rows.
        """
        return rows.mse(self.scorer, self.fallback.scorer if self.fallback else None)

    def tables(self) -> Mapping[str, pa.Table | DataFrame]:
        """All that it is made of, by `parts`."""
        return self.scorer.tables()

    def about(self) -> dict[str, Any]:
        """The metadata that is saved."""
        scorer, sides = self.scorer, {"users": self.users, "items": self.items}
        return {
            "name": scorer.name,
            "mean": scorer.mean,
            "scale": [scorer.scale.lowest, scorer.scale.highest, scorer.scale.step],
            "link": scorer.link,
            "kinds": {name: side.kind for name, side in sides.items()},
            "labelled": [name for name, side in sides.items() if side.labels is not None],
            "falls_back": self.fallback is not None,
            "knows_rated": self.rated is not None,
        }

    @classmethod
    def of_parts(
        cls,
        about: dict[str, Any],
        parts: dict[str, DataFrame],
        fallback: "RatingModel[Any] | None",
    ) -> Self:
        """The model that was saved so."""
        tables = {name: part.toArrow() for name, part in parts.items()}
        scale = Scale(*about["scale"])
        kept: Any = cls.kept.of_tables(about["name"], about["mean"], scale, about["link"], tables)
        return cls(kept)

    def write(self) -> MLWriter:
        """Save by `write().overwrite().save(folder)`, wherever Spark can write."""
        return _Writer(self)

    @classmethod
    def read(cls) -> "MLReader[Self]":
        """Load by `load(folder)`."""
        return _Reader(cls)


class _Writer(MLWriter):
    """metadata and one Parquet folder for each part, the fallback as a model of its own."""

    def __init__(self, model: RatingModel[Any]) -> None:
        super().__init__()
        self._model = model

    def saveImpl(self, path: str) -> None:
        model, spark, about = self._model, self.sparkSession, self._model.about()
        DefaultParamsWriter.saveMetadata(model, path, spark, extraMetadata=about)
        parts = {**model.tables()}
        for name, side in (("users", model.users), ("items", model.items)):
            if side.labels is not None:
                labels = pa.array(side.labels, pa.string())
                parts[f"labels_of_{name}"] = pa.table({"label": labels})
        if model.rated is not None:
            parts["rated"] = model.rated
        for part, table in parts.items():
            frame = table if isinstance(table, DataFrame) else spark.createDataFrame(table)
            frame.write.parquet(f"{path}/{part}")
        if model.fallback is not None:
            model.fallback.write().save(f"{path}/fallback")


class _Reader(MLReader[Any]):
    def __init__(self, cls: type[RatingModel[Any]]) -> None:
        super().__init__()
        self._class = cls

    def load(self, path: str) -> Any:
        spark, cls = self.sparkSession, self._class
        about = DefaultParamsReader.loadMetadata(path, spark)

        def read(part: str) -> DataFrame:
            return spark.read.parquet(f"{path}/{part}")

        fallback: RatingModel[Any] | None = None
        if about["falls_back"]:
            fallback = DefaultParamsReader.loadParamsInstance(f"{path}/fallback", spark)
        model = cls.of_parts(about, {part: read(part) for part in cls.parts}, fallback)
        model._resetUid(about["uid"])
        DefaultParamsReader.getAndSetParams(model, about)
        labels = {
            name: tuple(sorted(read(f"labels_of_{name}").toArrow().column(0).to_numpy()))
            for name in about["labelled"]
        }
        model.users, model.items = (
            IdCodes(kind, labels.get(name)) for name, kind in about["kinds"].items()
        )
        model.fallback = fallback
        if about["knows_rated"]:
            model.rated = with_scale(read("rated"), Scale(*about["scale"]))
        return model
