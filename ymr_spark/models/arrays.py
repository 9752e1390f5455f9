"""Arrays of models: their types, where ids stand in them, and as columns of Arrow tables."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from ymr_spark.scale import Scale

Ints = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]
# How scores become stars: cut off at the bounds, or brought between them by 1 / (1 + e^-score).
# Those of models that only rank are the chance that a user rates a song at all, about, or its
# logarithm but for a summand of the user's.
Link = Literal["clip", "logistic", "chance", "log_chance"]
CHANCES = ("chance", "log_chance")
_LEAST_CHANCE = 1e-3


def to_stars(scores: Floats, scale: Scale, link: Link) -> Floats:
    """Predictions between the ends of the scale, in stars; the scores where they are chances."""
    if link in CHANCES:
        return scores
    if link == "clip":
        return np.clip(scores, scale.lowest, scale.highest)
    stars: Floats = scale.lowest + scale.width * expit(scores)
    return stars


def log_chance(scores: Floats, link: Link) -> Floats:
    """The logarithm of the chance that a user rates a song, but for a summand of the user's; of
    a model of stars the score, which orders the songs alike."""
    if link != "chance":
        return scores
    found: Floats = np.log(np.maximum(scores, _LEAST_CHANCE))
    return found


def find(known: Ints, wanted: Ints) -> tuple[Ints, Flags]:
    """Positions of `wanted` in the ascending `known` (0 where absent), and which are there."""
    if len(known) == 0:
        raise ValueError("a model without users or without songs")
    position = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    found = known[position] == wanted
    return np.where(found, position, 0), found


def as_lists(values: Floats) -> "pa.ListArray[Any]":
    """The rows of (n, columns), in single precision."""
    bounds = np.arange(len(values) + 1, dtype=np.int32) * np.int32(values.shape[1])
    flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
    return pa.ListArray.from_arrays(pa.array(bounds), flat)


def of_lists(lists: "pa.ChunkedArray[Any]") -> Floats:
    """(n, columns) of lists of equal length."""
    values: Floats = pc.list_flatten(lists.combine_chunks()).to_numpy().astype(np.float32)
    return values.reshape(len(lists), -1)
