"""From a fitted model to each user's songs, and how good such lists are."""
