"""One self-contained HTML page out of the small tables, the leaderboard and the manifests.

`charts` draws, `card` is one chart with its finding and table, `about_*` make the cards of a
section, `page` puts them into page.html. Nothing here reads or writes; `terminal` prints.
"""
