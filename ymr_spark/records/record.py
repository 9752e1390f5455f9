"""What is written down as JSON and read again: typed, and never changed."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Named values of known types; a name that it does not know is an error.

    Numbers that are not finite are kept by `model_dump_json`; `strict_json` makes them null.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")
