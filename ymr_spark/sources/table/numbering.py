"""Own ids -> numbers from 0: the same for the same ids, whatever order they come in."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ymr_spark.errors import DataContractError
from ymr_spark.sources.r2.parsing import MAX_ID

# As people write whole numbers of up to 64 bits: 007 is a text.
_WHOLE = r"^(0|-?[1-9][0-9]{0,17})$"


def numbered(ids: "pa.Array[Any]", what: str) -> "pa.Array[Any]":
    """Different texts in the order of their numbers: as numbers where all are whole ones, or else
    by their UTF-8 bytes.

    Raises:
        DataContractError: there are more than models can index.
    """
    if len(ids) > MAX_ID + 1:
        raise DataContractError(
            f"{len(ids):,} different {what}: at most {MAX_ID + 1:,} can be indexed; take a part"
        )
    whole = pc.all(pc.match_substring_regex(ids, _WHOLE)).as_py()
    return ids.take(pc.array_sort_indices(ids.cast(pa.int64()) if whole else ids))
