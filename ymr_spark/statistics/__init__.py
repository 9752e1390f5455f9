"""Summary statistics of the ratings, from two scans of them and small tables after that.

`scans` reads the ratings: counts for each user and each song. `genres`, `members` and
`correlation` need only those counts. A split is train, validation, test, or `TRAIN_FILES`.
"""
