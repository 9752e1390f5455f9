"""Users and songs with own ids, some of which are hard to show."""

from ymr_spark.pipeline.warehouse import Warehouse

USERS = ("zoe", "7", "Ann Lee")
SONGS = (("s 1", 'First <b> "x"', "A, B"), ("=s2", None, None), ("sé", "[red]:x:\x1b", None))


def fill(warehouse: Warehouse) -> None:
    """The tables of USERS and SONGS, numbered from 0."""
    warehouse.save([{"user_id": i, "id": own} for i, own in enumerate(USERS)], "user_ids")
    rows = [
        {"song_id": i, "id": own, "title": title, "artist": artist, "album": None}
        for i, (own, title, artist) in enumerate(SONGS)
    ]
    warehouse.save(rows, "song_ids")
