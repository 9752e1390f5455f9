"""The one place that scores given pairs by a published model of any form."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from scipy.sparse import csr_matrix

from ymr_spark.models import registry
from ymr_spark.models.arrays import Flags, Floats, Ints, find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.models.neighbors import neighborhood
from ymr_spark.models.neighbors.residuals import Residuals
from ymr_spark.models.scorer import predicted
from ymr_spark.packing import flat
from ymr_spark.pipeline import publication
from ymr_spark.pipeline.publication import Registration
from ymr_spark.pipeline.warehouse import Warehouse


def stars(
    warehouse: Warehouse,
    registered: Registration,
    factors: Mapping[str, FactorModel],
    users: Ints,
    songs: Ints,
) -> tuple[Floats, Flags]:
    """Predictions (pairs,) as the model's training job publishes them for test rows.

    Args:
        registered: as the model was published.
        factors: loaded models, itself and its fallback among them where they are of that form.

    Returns:
        Stars, and where they are the model's own: the others are its fallback's.
    """
    name, fallback = registered.model, factors.get(registered.fallback or "")
    if registry.named(name).form.scorer is not None:
        scorer = factors.get(name) or publication.load(warehouse, name)
        return predicted(scorer, fallback, users, songs)
    assert fallback is not None
    damping = json.loads(registered.parameters)["damping"]
    return _by_neighbors(warehouse, fallback, damping, registered.splits, users, songs)


def ratings_of(warehouse: Warehouse, users: Ints) -> pa.Table:
    """All ratings of these users; the table's files are by users, so that few of them are read."""
    return warehouse.load("ratings", ds.field("user_id").isin(np.unique(users).tolist()))


def _by_neighbors(
    warehouse: Warehouse,
    bias: FactorModel,
    damping: float,
    splits: Sequence[str],
    users: Ints,
    songs: Ints,
) -> tuple[Floats, Flags]:
    near = neighbors_of(warehouse, songs)
    candidates = np.unique(flat(near, "neighbor_ids"))
    rated = ratings_of(warehouse, users)
    fitted = rated.filter(pc.is_in(rated["split"], pa.array(splits)))
    residuals = _residuals(fitted, bias, candidates)
    found, fallback = neighborhood.stars(users, songs, near, residuals, bias, damping)
    return found, ~fallback


def neighbors_of(warehouse: Warehouse, songs: Ints) -> pa.Table:
    """The schemas.SIMILARITY_NEIGHBORS rows of these songs."""
    wanted = ds.field("song_id").isin(np.unique(songs).tolist())
    return warehouse.load("similarity_neighbors", wanted)


def _residuals(rows: pa.Table, bias: FactorModel, candidates: Ints) -> Residuals:
    """Of all rows on the candidates; users of the bias model that have none are empty rows."""
    columns = ("user_id", "song_id", "rating")
    users, songs, ratings = (rows.column(name).to_numpy() for name in columns)
    song, chosen = find(candidates, songs) if len(candidates) else (songs, songs < 0)
    user, _ = find(bias.user_ids, users)
    left = (ratings - bias.score(users, songs)[0]).astype(np.float32)
    shape = len(bias.user_ids), len(candidates)
    matrix = csr_matrix((left[chosen], (user[chosen], song[chosen])), shape=shape)
    return Residuals(bias.user_ids, candidates, matrix)
