"""Ratings with columns of any names and ids of any text -> dense ids, splits, songs.

`text_rows` and `frame_rows` read, `judging` takes out what is no rating, `dealing` brings the rows
of a user together, `buckets` finds duplicates and splits, `numbering` gives ids, `items` songs and
genres, `ingestion` is all of it.
"""
