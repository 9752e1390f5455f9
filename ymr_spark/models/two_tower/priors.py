"""Between epochs: the columns of vectors turned to their principal axes, each one's l2 learnt."""

import numpy as np

from ymr_spark.models.arrays import Floats
from ymr_spark.models.two_tower.embeddings import Embeddings
from ymr_spark.models.two_tower.newton import Newton

# Times the curvature of an epoch: a column that no rating asks for would be held ever harder, until
# single precision has no room beside l2 for the curvature.
_MOST = 1e4
_JITTER = 1e-6  # of a moment's mean diagonal, for what has fewer rows than columns


def turn(users: Embeddings, songs: Embeddings, optimizer: Newton) -> Floats:
    """Turn vectors to axes along which those of users and those of songs are uncorrelated and of
    equal length, the longest first. All p_u · q_s remain.

    Returns:
        What a song's vector was multiplied by (dimension, dimension).
    """
    of_users, of_songs = (np.linalg.cholesky(_moment(layer)) for layer in (users, songs))
    left, lengths, _ = np.linalg.svd(of_users.T @ of_songs)
    turned = np.linalg.inv(of_users).T @ left * np.sqrt(lengths)
    back = np.linalg.inv(turned)
    _multiply(users, optimizer, turned, back)
    _multiply(songs, optimizer, back.T, turned.T)
    found: Floats = back.T
    return found


def learn(layer: Embeddings, optimizer: Newton, epochs: int) -> None:
    """Set `l2` and `curvature` of each column of the table to what its rows say, those of each
    column of the batch apart: a column that the ratings do not ask for is held to zero.

    With v of the optimiser and the curvature h of an epoch's ratings, l2 = v · mean of
    h / (h + 2 l2) over mean of squares (the evidence's fixed point: MacKay, Bayesian
    Interpolation, 1992).
    """
    table, l2, curvature = layer.table.numpy(), layer.l2.numpy(), optimizer.curvature(layer)
    of_one = layer.curvature.numpy()
    for column, before in enumerate(l2):
        rated = (layer.column == column) & (layer.ratings > 0)
        if not table[rated].any():
            continue
        squares = np.mean(table[rated].astype(np.float64) ** 2, axis=0)
        if squares.all():
            known = curvature[rated] / (curvature[rated] + 2 * epochs * before)
            ratings = epochs * layer.ratings[rated].sum()
            of_one[column] = curvature[rated].sum(axis=0, dtype=np.float64) / ratings
            asked = float(optimizer.noise) * known.mean(axis=0, dtype=np.float64) / squares
            of_epoch = curvature[rated].mean(axis=0, dtype=np.float64) / epochs
            l2[column] = np.minimum(asked, _MOST * of_epoch)
    of_one[:, : layer.offset] = 0
    layer.l2.assign(l2)
    layer.curvature.assign(of_one)
    optimizer.assign(layer, curvature)


def _moment(layer: Embeddings) -> Floats:
    """(dimension, dimension) of vectors with ratings, of a batch's first column in the table."""
    rated = (layer.column == 0) & (layer.ratings > 0)
    vectors = layer.table.numpy()[rated, layer.offset :].astype(np.float64)
    moment = vectors.T @ vectors / max(1, len(vectors))
    least = _JITTER * np.trace(moment) / len(moment) + 1e-12
    found: Floats = moment + least * np.eye(len(moment))
    return found


def _multiply(layer: Embeddings, optimizer: Newton, turned: Floats, back: Floats) -> None:
    """Vectors become v · turned; `back` is its inverse. Of the curvature the diagonal is kept."""
    rows, curvature, first = layer.table.numpy(), optimizer.curvature(layer), int(layer.offset)
    rows[:, first:] = rows[:, first:] @ turned.astype(np.float32)
    curvature[:, first:] = curvature[:, first:] @ (back.T**2).astype(np.float32)
    layer.table.assign(rows)
    optimizer.assign(layer, curvature)
