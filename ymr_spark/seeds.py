"""The seeds of random choices that there are many of, out of the one of the settings."""

HIGHEST = 2**32 - 1  # that numpy's RandomState takes, and with it Optuna and Petastorm
_APART = 10_000


def of(seed: int, number: int) -> int:
    """The seed of the choice of that number, from 1 to HIGHEST: Petastorm takes 0 for none.

    Those of the first 10,000 numbers differ.
    """
    return (seed * _APART + number - 1) % HIGHEST + 1
