from dataclasses import replace

import numpy as np
import pytest

from ymr_spark.models.arrays import Ints
from ymr_spark.sources.table.splitting import TEST, TRAIN, VALIDATION, SplitRule
from ymr_spark.split import SPLITS, latest_rows, row_hash, validation_rows

RULE = SplitRule("hash", 2, 0.5, None, validation_ratings=1, validation_share=0.5, seed=7)


def table(*sizes: int) -> tuple[Ints, Ints]:
    """Users of so many rows."""
    user = np.repeat(np.arange(len(sizes)), sizes)
    return user, np.concatenate([np.arange(size) for size in sizes])


def splits(rule: SplitRule, user: Ints, song: Ints, time: Ints) -> list[int]:
    found: list[int] = rule.splits(user, song, time, np.zeros(len(user), bool)).tolist()
    return found


def counts(rule: SplitRule, *sizes: int) -> list[tuple[int, ...]]:
    user, song = table(*sizes)
    found = np.array(splits(rule, user, song, song))
    return [tuple(np.bincount(found[user == u], minlength=3).tolist()) for u in range(len(sizes))]


def test_names_are_those_of_the_numbers() -> None:
    assert [SPLITS[number] for number in (TRAIN, VALIDATION, TEST)] == [
        *("train", "validation", "test")
    ]


@pytest.mark.parametrize("by", ["hash", "time"])
def test_so_many_of_each_user_and_no_more_than_a_share(by: str) -> None:
    rule = replace(RULE, by=by)  # type: ignore[arg-type]
    # Of 1 row none, of 2 and 3 half at most: 1; of 2 left again one is for validation.
    assert counts(rule, 1, 2, 3, 4, 100) == [
        *((1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 2), (97, 1, 2))
    ]
    shares = replace(rule, test_ratings=50, test_share=0.1)
    shares = replace(shares, validation_ratings=50, validation_share=0.2)
    # 10 and 18 of 100; 1 of two at least.
    assert counts(shares, 100, 2, 5) == [(72, 18, 10), (1, 0, 1), (3, 1, 1)]
    assert counts(replace(rule, test_ratings=0, validation_ratings=0), 9) == [(9, 0, 0)]


def test_by_hash_test_and_validation_are_chosen_by_seeds_of_their_own() -> None:
    user, song = table(10, 30)
    found = np.array(splits(RULE, user, song, song))
    test = validation_rows(user, song, 2, 0.5, seed=8)
    assert (found == TEST).tolist() == test.tolist()
    left = validation_rows(user[~test], song[~test], 1, 0.5, seed=7)
    assert (found[~test] == VALIDATION).tolist() == left.tolist()


def test_by_hash_times_do_not_matter() -> None:
    user, song = table(10, 30)
    assert splits(RULE, user, song, song) == splits(RULE, user, song, -song)
    other = replace(RULE, seed=8)
    assert splits(RULE, user, song, song) != splits(other, user, song, song)


def test_by_time_the_latest_are_test_and_those_before_validation() -> None:
    rule = replace(RULE, by="time", test_ratings=2, validation_ratings=1)
    user, song = np.array([3] * 6 + [1] * 4), np.array([5, 6, 7, 8, 9, 4, 5, 6, 7, 8])
    time = np.array([10, 60, 30, 50, 20, 40, -1, -4, -2, -3])
    assert splits(rule, user, song, time) == [
        *(TRAIN, TEST, TRAIN, TEST, TRAIN, VALIDATION),
        *(TEST, TRAIN, TEST, VALIDATION),
    ]


def test_from_a_time_on_all_is_test_of_whatever_user() -> None:
    rule = replace(RULE, by="time", test_from=40)
    user, song = np.array([0] * 5 + [1] * 2 + [2]), np.arange(8)
    time = np.array([10, 39, 40, 41, 20, 40, 50, 5])
    assert splits(rule, user, song, time) == [
        *(TRAIN, VALIDATION, TEST, TEST, TRAIN),
        *(TEST, TEST),
        TRAIN,
    ]


def test_by_files_test_is_what_they_say_and_validation_is_chosen_by_hash() -> None:
    rule = replace(RULE, by="files", validation_ratings=2)
    user, song = table(8, 3)
    test = np.isin(np.arange(11), [0, 3, 8, 9, 10])
    found = rule.splits(user, song, song, test)
    assert (found == TEST).tolist() == test.tolist()
    chosen = validation_rows(user[~test], song[~test], 2, 0.5, seed=7)
    assert (found[~test] == VALIDATION).tolist() == chosen.tolist()
    assert chosen.sum() == 2


def test_no_rows() -> None:
    nothing = np.zeros(0, np.int64)
    for by in ("files", "hash", "time"):
        rule = replace(RULE, by=by)
        assert splits(rule, nothing, nothing, nothing) == []
    assert latest_rows(nothing, nothing, nothing, 1, 1, 1).tolist() == []


def test_the_latest_rows_of_each_user() -> None:
    user, song = np.array([9] * 4 + [2] * 5 + [4]), np.array([1, 2, 3, 4, 1, 2, 3, 4, 5, 1])
    time = np.array([5, 8, 6, 7, 100, 300, 200, 500, 400, 9])
    for most, share, expected in (
        (1, 0.5, [[9, 2], [2, 4]]),
        (2, 0.5, [[9, 2], [9, 4], [2, 4], [2, 5]]),
        (9, 0.25, [[9, 2], [2, 4]]),
        (9, 1.0, [[9, 2], [9, 4], [2, 4], [2, 5]]),  # half at most
        (0, 1.0, []),
    ):
        chosen = latest_rows(user, song, time, most, share, seed=1)
        assert np.c_[user, song][chosen].tolist() == expected


def test_of_rows_of_one_time_those_of_the_largest_hash_are_the_latest() -> None:
    # The hashes' first 16 bits under seed 1, as in test_split:
    #   user 1: songs 0 210a, 1 9f55, 2 471f, 3 fb2e, 4 581b, 5 fb30
    user, song = np.ones(6, np.int64), np.arange(6)
    assert [int(value) >> 48 for value in row_hash(user, song, 1)] == [
        *(0x210A, 0x9F55, 0x471F, 0xFB2E, 0x581B, 0xFB30)
    ]
    same = np.full(6, 1_000)
    assert song[latest_rows(user, song, same, 1, 1, seed=1)].tolist() == [5]
    assert song[latest_rows(user, song, same, 3, 1, seed=1)].tolist() == [1, 3, 5]
    # Song 0 is later than all; of the others song 5 is next.
    later = np.where(song == 0, 1_001, same)
    assert song[latest_rows(user, song, later, 2, 1, seed=1)].tolist() == [0, 5]


def test_the_latest_rows_are_the_same_in_any_order() -> None:
    random = np.random.default_rng(2)
    user, song = np.repeat(np.arange(20), 15), np.tile(np.arange(15), 20)
    time = random.integers(0, 4, len(user))
    expected = set(map(tuple, np.c_[user, song][latest_rows(user, song, time, 4, 1, 3)].tolist()))
    order = np.concatenate([random.permutation(15) + 15 * u for u in random.permutation(20)])
    user, song, time = user[order], song[order], time[order]
    chosen = latest_rows(user, song, time, 4, 1, 3)
    assert {*map(tuple, np.c_[user, song][chosen].tolist())} == expected
    assert len(expected) == 80
