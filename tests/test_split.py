import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ymr_spark import split
from ymr_spark.models.arrays import Ints
from ymr_spark.split import row_hash, validation_rows

MASK = 2**64 - 1


def splitmix64(state: int) -> int:
    """One step of the published generator, on Python's integers."""
    z = (state + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def test_the_hash() -> None:
    assert splitmix64(0) == 0xE220A8397B1DCDAF  # the generator's published first value
    user, song = np.array([0, 7, 2**24 - 1]), np.array([0, 5, 136_735])
    expected = [
        splitmix64((u << 32 | s) ^ splitmix64(3))
        for u, s in zip(user.tolist(), song.tolist(), strict=True)
    ]
    assert row_hash(user, song, seed=3).tolist() == expected


def test_a_split_by_hand() -> None:
    # The hashes' first 16 bits under seed 1, from splitmix64 above:
    #   user 1: songs 0 210a, 1 9f55, 2 471f, 3 fb2e, 4 581b, 5 fb30 -> two of six: 0 and 2
    #   user 2: song 0 4abf -> half of one is none
    #   user 3: songs 7 8076, 8 1a8f, 9 df5e -> no more than half of three: 8
    user, song = np.array([1] * 6 + [2] + [3] * 3), np.array([0, 1, 2, 3, 4, 5, 0, 7, 8, 9])
    chosen = validation_rows(user, song, per_user=2, share=0.5, seed=1)
    assert np.c_[user, song][chosen].tolist() == [[1, 0], [1, 2], [3, 8]]
    # A third of six is two, too; of anything below one it is one, of a single row none.
    for share, found in ((1 / 3, [0, 2, 8]), (0.3, [0, 8]), (0.01, [0, 8])):
        assert song[validation_rows(user, song, 2, share, seed=1)].tolist() == found


@pytest.mark.parametrize("candidates", [3, 1, 0.2], ids=["", "some lack", "most lack"])
def test_many_users_against_sorting_all_of_their_rows(
    monkeypatch: pytest.MonkeyPatch, candidates: float
) -> None:
    monkeypatch.setattr(split, "_CANDIDATES", candidates)
    random = np.random.default_rng(1)
    sizes = np.r_[1, 2, 19, 20, 21, 5_000, random.integers(1, 400, 300)]
    user = np.repeat(np.arange(len(sizes)) * 3, sizes)
    song = np.concatenate([random.choice(9_999, size, replace=False) for size in sizes])
    chosen = validation_rows(user, song, per_user=10, share=0.5, seed=5)
    value = row_hash(user, song, 5)
    for u, size in zip(np.unique(user), sizes, strict=True):
        mine = user == u
        wanted = min(10, size // 2)
        assert sorted(value[mine & chosen]) == sorted(value[mine])[:wanted]


def test_neither_order_nor_company_matters() -> None:
    random = np.random.default_rng(2)
    user = np.repeat(np.arange(50), 60)
    song = np.concatenate([random.choice(999, 60, replace=False) for _ in range(50)])

    def picked(order: Ints) -> set[tuple[int, int]]:
        mask = validation_rows(user[order], song[order], 10, 0.5, 1)
        return set(zip(user[order][mask].tolist(), song[order][mask].tolist(), strict=True))

    everything = picked(np.arange(3_000))
    shuffled = np.lexsort((random.random(3_000), -user))
    assert picked(shuffled) == everything
    assert picked(np.arange(1_200)) | picked(np.arange(1_200, 3_000)) == everything
    assert len(everything) == 500


def test_seeds_give_other_rows_and_nothing_is_nothing() -> None:
    user, song = np.zeros(1_000, int), np.arange(1_000)
    one, two = (validation_rows(user, song, 10, 0.2, seed) for seed in (1, 2))
    assert one.sum() == two.sum() == 10
    assert (one != two).any()
    assert not len(validation_rows(user[:0], song[:0], 10, 0.2, 1))


@given(
    sizes=st.lists(st.integers(1, 60), max_size=12),
    per_user=st.integers(1, 25),
    parts=st.integers(2, 40),
    seed=st.integers(1, 2**31),
    first=st.integers(0, 2**24 - 13),
)
def test_any_users(sizes: list[int], per_user: int, parts: int, seed: int, first: int) -> None:
    user = np.repeat(np.arange(first, first + len(sizes), dtype=np.int32), sizes)
    song = np.concatenate([np.arange(size, dtype=np.int32) * 7 for size in [0, *sizes]])
    chosen = validation_rows(user, song, per_user, 1 / parts, seed)
    value = row_hash(user, song, seed)
    assert len(np.unique(value)) == len(value)
    for u, size in zip(np.unique(user).tolist(), sizes, strict=True):
        mine = user == u
        wanted = min(per_user, max(1, size // parts), size // 2)
        assert sorted(value[mine & chosen]) == sorted(value[mine])[:wanted]
