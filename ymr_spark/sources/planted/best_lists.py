"""The best lists that anybody could make of planted songs, knowing all but chance.

Each song is reached at an exponential time with its weight for rate, and n songs are reached at
about t (see `sampling.inclusion`), with the chance π = 1 - exp(-weight · t) for each of them. Of
these a share h is test, the others train. Given that a song is not in train, it is in test with

    h π / (1 - (1 - h) π),

times the chance that a few of the test rows leave it for cold songs; and it is liked with the
chance that its rating is high, given its latent mean. A list by the product of both has the most
expected hits at every length, and so the most expected DCG.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from ymr_spark.sources.planted import rows, sampling, world
from ymr_spark.sources.planted.sampling import Floats, Ints
from ymr_spark.sources.planted.users import Users
from ymr_spark.sources.planted.world import World

LENGTH: Final = 100
USERS: Final = 5_000  # of a part, who have such lists
# A song is liked that is rated this share of the scale above its lowest rating.
LIKED: Final = 0.75


@dataclass(frozen=True)
class BestLists:
    """Aligned arrays, a user's songs the best first."""

    user: Ints  # indexes
    rank: Ints  # from 1
    song: Ints
    chance: Floats  # to be in test and liked


def of_users(planted: World, users: Users, wanted: Ints, train: rows.PlantedRows) -> BestLists:
    """The lists of some users.

    Args:
        wanted: indexes of users, ascending.
        train: their train rows, and perhaps those of others.
    """
    found = [_of_user(planted, users, user, train) for user in wanted.tolist()]
    lengths = [len(songs) for songs, _ in found]
    none = np.zeros(0, np.int64)
    return BestLists(
        np.repeat(wanted, lengths),
        np.concatenate([np.arange(1, n + 1) for n in lengths] or [none]),
        np.concatenate([songs for songs, _ in found] or [none]),
        np.concatenate([chances for _, chances in found] or [none.astype(float)]),
    )


def _of_user(
    planted: World, users: Users, user: int, train: rows.PlantedRows
) -> tuple[Ints, Floats]:
    reached = chances(planted, users, user)
    reached[train.song[slice(*np.searchsorted(train.user, [user, user + 1]))]] = 0
    order = np.argsort(-reached, kind="stable")
    # No song beyond these can be among the best if it must be liked with more than certainty.
    for width in (4 * LENGTH, len(order)):
        likely = order[:width]
        values = reached[likely] * liked(planted, users, user, likely)
        best = np.lexsort((likely, -values))[:LENGTH]
        if width >= len(order) or values[best[-1]] >= reached[order[width]]:
            break
    best = best[values[best] > 0]
    return likely[best], values[best]


def chances(planted: World, users: Users, user: int) -> Floats:
    """Of each song to be in the user's test rows, if it is not in the train rows, (songs,)."""
    songs, rated = planted.songs, int(users.train_rows[user])
    needed = rated + sampling.TEST_ROWS
    weights = songs.weight * np.exp(
        planted.choice.log_weights(songs, users.taste[user : user + 1])[0].astype(np.float64)
    )
    reached = sampling.inclusion(weights / weights.sum(), needed)
    share = sampling.TEST_ROWS / needed
    found = reached * share / (1 - reached * (1 - share))
    cold = np.flatnonzero(songs.cold)
    swapped = rows.COLD_ROWS * min(len(cold), sampling.TEST_ROWS)
    found *= 1 - swapped / sampling.TEST_ROWS
    found[cold] = swapped / max(len(cold), 1)
    return np.asarray(found)


def liked(planted: World, users: Users, user: int, song: Ints) -> Floats:
    """The chance that the user rates these songs high, (n,)."""
    scale, cuts = planted.scale, planted.cuts
    # The lowest of the high levels is above as many cut points.
    above = int(np.ceil(LIKED * (scale.levels - 1)))
    of_user = np.full(len(song), user)
    means = world.means(
        planted.songs, planted.choice, users, of_user, song, planted.traits.affinity_sd
    ).astype(np.float64)
    return np.asarray(special.ndtr((means - cuts[above - 1]) / planted.traits.noise_sd))
