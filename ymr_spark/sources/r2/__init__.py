"""Raw files of R2's layout: found, read, judged, made into ratings; and planted ones."""
