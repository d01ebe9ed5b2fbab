"""`politico dataset summary`: what is in the dataset, and what it was made of."""

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from cli import local_cloud
from cli.screen import Screen, counted
from politico.dataset.post_count import PostCount, count_posts
from politico.dataset.summary import DatasetSummary, read_summary
from politico.lake.bucket import Lake


def summary(*, exact: bool, local: bool, as_json: bool) -> None:
    """Print the numbers of the stack's lake. Raises InputError when no stack is in reach.

    `exact` counts the stored posts themselves in place of adding up what the runs reported.
    """
    lake = local_cloud.stack(local=local).lake
    found = read_summary(lake)
    posts = _count(lake, quiet=as_json) if exact else None
    if as_json:
        total, originals = (posts.total, posts.originals) if posts else (found.total, found.originals)
        told = {**asdict(found), "total": total, "originals": originals, "exact": exact}
        print(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        _show(Screen().console, found, posts)


def _count(lake: Lake, *, quiet: bool) -> PostCount:
    if quiet:
        return count_posts(lake)
    with Screen().stage("count") as stage:
        posts = count_posts(lake, lambda pages: stage.show(f"{pages:,} pages read"))
        stage.result = counted(posts.kinds)
    return posts


def _show(console: Console, found: DatasetSummary, posts: PostCount | None) -> None:
    if not found.dataset["rows"]:
        console.print("the dataset is empty: no run has brought a tweet into it yet", highlight=False)
        return
    table = Table(show_footer=True)
    table.add_column("coalition", footer="all")
    table.add_column("party")
    table.add_column("tweets", justify="right", footer=f"{found.dataset['rows']:,}")
    table.add_column("share", justify="right", footer="100.0 %")
    table.add_column("last 365 days", justify="right", footer=f"{found.last_365_days:,}")
    for one in found.parties:
        share = one.tweets / found.dataset["rows"]
        table.add_row(one.coalition, one.party, f"{one.tweets:,}", f"{share:.1%}".replace("%", " %"), f"{one.last_365_days:,}")
    runs = f"{found.runs:,} run{'s' if found.runs != 1 else ''}"
    stored = posts or found
    twice = f"over {runs}; a post that two runs brought counts twice (--exact: once)"
    lines = (
        f"{stored.total:,} posts in all, {stored.originals:,} of them originals (neither retweet nor quote), "
        + ("each once, as they are stored now" if posts else twice),
        f"over {runs}: {found.read:,} read = {found.kept:,} kept + {sum(found.filtered.values()):,} filtered "
        f"({counted(found.filtered)}) + {sum(found.rejected.values()):,} rejected ({counted(found.rejected)})",
        f"{found.dataset['rows']:,} tweets in the dataset, of {found.dataset['days']:,} days, {found.oldest} to {found.newest}",
        f"the last 365 days are counted back from {(found.newest or '')[:10]}",
        f"sha256 {found.dataset['sha256']}",
    )
    console.print(table)
    for line in lines:
        console.print(f"· {line}", highlight=False, soft_wrap=True, markup=False)
