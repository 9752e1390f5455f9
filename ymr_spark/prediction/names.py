"""What answers call users and songs."""

from collections.abc import Collection

from ymr_spark.pipeline.own_ids import OwnIds


class Names:
    """Own ids and titles of some users and songs, by their numbers."""

    def __init__(self, own: OwnIds, users: Collection[int], songs: Collection[int]) -> None:
        self._users: dict[int, str] = {row["user_id"]: row["id"] for row in own.users.rows(users)}
        self._songs = {row["song_id"]: row for row in own.songs.rows(songs)}

    def user(self, number: int) -> int | str:
        """The user's own id."""
        return self._users.get(number, number)

    def song(self, number: int) -> int | str:
        """The song's own id."""
        own: int | str = self._songs.get(number, {}).get("id", number)
        return own

    def title(self, number: int) -> dict[str, str]:
        """The song's `title`, nothing where it has none."""
        title = self._songs.get(number, {}).get("title")
        return {"title": title} if title else {}
