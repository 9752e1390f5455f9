"""How many users it takes before an interval over users is one.

Rows of one user hang together, so that it is users who count, and those with most of the rows
count for all: with n_u rows of user u there are (Σ n_u)² / Σ n_u² users in effect (Kish 1965).
docs/comparing.md has how often intervals of so many users hold the truth.
"""

LEAST_USERS = 50


def enough(rows: float, squares: float) -> bool:
    """Whether to trust an interval, of Σ n_u rows and Σ n_u² over the users."""
    return rows**2 >= LEAST_USERS * squares > 0
