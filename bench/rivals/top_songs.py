"""Each user's top songs by implicit's kernel, in one process."""

import numpy as np
from implicit.cpu.topk import topk as kernel
from scipy.sparse import csr_matrix

from bench.rivals import rows
from bench.rivals.rows import CORES, TRAIN_FILES, Result, Skipped
from ymr_spark.models.arrays import find
from ymr_spark.models.linear.factors import FactorModel
from ymr_spark.pipeline import manifests, publication
from ymr_spark.pipeline.settings import Settings
from ymr_spark.pipeline.warehouse import Warehouse
from ymr_spark.records.figures import Recommended

_USERS_AT_ONCE = 4_096


def compete(warehouse: Warehouse, settings: Settings) -> Result:
    """By the factors of the model that the pipeline's lists are of, the first of two stages."""
    told = manifests.told("recommend", warehouse, Recommended)
    name = told.model.split()[0] if told else "latent_factor"

    def run() -> None:
        model = getattr(publication.load(warehouse, name), "ranker", None)
        if not isinstance(model, FactorModel):
            raise Skipped(f"{name} is not a model of factors")
        rank(heard(warehouse, model), model, settings.recommend.k, CORES)

    seconds = rows.timed(run)[1]
    return Result(f"implicit's kernel on {name}", seconds)


def heard(warehouse: Warehouse, model: FactorModel) -> csr_matrix:
    """(users of the model, its songs): 1 where a user has rated a song."""
    rated = rows.read(warehouse, *TRAIN_FILES)
    user, user_known = find(model.user_ids, rated.user)
    song, song_known = find(model.song_ids, rated.song)
    known = user_known & song_known
    user, song = user[known].astype(np.int32), song[known].astype(np.int32)
    shape = (len(model.user_ids), len(model.song_ids))
    return csr_matrix((np.ones(len(user), np.float32), (user, song)), shape)


def rank(heard: csr_matrix, model: FactorModel, k: int, threads: int) -> None:
    """The kernel over arrays in memory; its lists are thrown away."""
    songs = np.c_[model.song_factors, model.song_offsets].astype(np.float32)
    users = np.c_[model.user_factors, np.ones(len(model.user_ids))].astype(np.float32)
    for first in range(0, len(users), _USERS_AT_ONCE):
        part = slice(first, first + _USERS_AT_ONCE)
        kernel(songs, users[part], k, filter_query_items=heard[part], num_threads=threads)
