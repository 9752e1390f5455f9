"""What a frame of ratings must be before it is hashed, packed or judged."""

from pyspark.sql import DataFrame

from ymr_spark.errors import DataContractError

COLUMNS = ("user_id", "song_id", "rating")
_WHOLE = ("tinyint", "smallint", "int")


def require_whole(ratings: DataFrame) -> None:
    """Raise DataContractError where ids or ratings are not whole numbers of up to 32 bits.

    Ratings of 4 and 4.5 stars would become the same once they are cast to integers.
    """
    found = dict(ratings.select(*COLUMNS).dtypes)
    if wrong := {name: kind for name, kind in found.items() if kind not in _WHOLE}:
        raise DataContractError(
            f"ratings: {wrong}, expected {' or '.join(_WHOLE)}; cast what is whole, scale to whole "
            "numbers what is not"
        )
