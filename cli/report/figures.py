"""The report's pictures and tables: each says its figures in words, and hands them on as a table.

Numbers behind a name are the thesis's figures that it shows again (its section 4.1.3).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from cli.pages.pictures import BLUE, GREEN, INK, QUIET, RED, SAND
from cli.report.language import Language
from cli.report.reading import RECENT, Said, Tweets

MOST_PEOPLE = 40
"""Rows of a picture of people: more can't be told apart."""
MOST_VALUES = 20
"""Bars of a picture of values."""
TOP = 10
NIGHT = range(2, 7)
"""Hours in which most people sleep, as the thesis has them: 2:00 to 6:59."""
YEAR = timedelta(days=365)
POST_LIMIT = 3_200
"""X shows no more of an account than its newest so many posts."""
LEAST_OFTEN = 10
"""What fewer tweets say in the last days says nothing of what rises."""
MOODS = {"POSITIVE": GREEN, "NEUTRAL": QUIET, "MIXED": SAND, "NEGATIVE": RED}
_PRIOR = 5.0
"""Added to counts where shares are compared, so that what was never said before has one."""


@dataclass(frozen=True)
class Figure:
    """One picture, its table, and what it says."""

    name: str
    """Of its files."""
    title: str
    says: str
    """Its figures in words: what who can't see the picture is told."""
    table: pd.DataFrame
    draw: Callable[[Any], None] | None = None
    """Draws on a figure of matplotlib; None for a table alone."""
    size: tuple[float, float] = (8.0, 4.0)
    thesis: str = ""
    """Which of the thesis's figures it is."""


def all_figures(tweets: Tweets, say: Language) -> Iterator[Figure]:
    """Every figure that the dataset has something to say to."""
    frame = tweets.frame
    if tweets.summary is not None:
        yield total_and_original(tweets, say)
        yield what_was_filtered(tweets, say)
    yield by_hour(frame, say)
    yield by_hour_and_person(frame, say)
    yield top_accounts(frame, say)
    yield posts_a_day(frame, say)
    yield by_day_and_person(frame, say)
    yield by_party(frame, say)
    for name, counts in tweets.labels.items():
        yield by_label(name, counts, len(frame), say)
    if frame["sentiment"].notna().any():
        yield sentiment_by_party(frame, say)
        yield sentiment_over_time(frame, say)
    for kind in ("hashtag", "entity"):
        if tweets.recent_tweets < len(frame):
            yield what_rises(kind, tweets.said[kind], tweets.recent_tweets, len(frame), say)
    yield lengths(frame, say)
    yield coverage(frame, say)


def total_and_original(tweets: Tweets, say: Language) -> Figure:
    found = tweets.summary
    assert found is not None, "it is asked before"
    rows = [
        (say("publicaciones en total", "posts in all"), found.total),
        (say("originales", "originals"), found.originals),
        (say("tuits en el conjunto de datos", "tweets in the dataset"), len(tweets.frame)),
    ]
    table = pd.DataFrame(rows, columns=[say("qué", "what"), "n"])
    share = say.percent(found.originals / max(1, found.total))
    total, originals = say.number(found.total), say.number(found.originals)
    says = say(
        f"De {total} publicaciones, {originals} son originales ({share}): ni retuits ni citas.",
        f"Of {total} posts {originals} are originals ({share}): neither retweets nor quotes.",
    )
    return Figure(
        "total-original",
        say("Total y originales", "Total and original"),
        says,
        table,
        _bars(table, color=[QUIET, BLUE, BLUE]),
        (8.0, 2.2),
        "18",
    )


def what_was_filtered(tweets: Tweets, say: Language) -> Figure:
    found = tweets.summary
    assert found is not None, "it is asked before"
    rows = [(say("filtrado", "filtered"), reason, count) for reason, count in found.filtered.items()]
    rows += [(say("rechazado", "rejected"), reason, count) for reason, count in found.rejected.items()]
    rows.append((say("conservado", "kept"), "", found.kept))
    table = pd.DataFrame(rows, columns=[say("qué", "what"), say("motivo", "reason"), "n"])
    read, kept = say.number(found.read), say.number(found.kept)
    filtered, rejected = (say.number(sum(one.values())) for one in (found.filtered, found.rejected))
    says = say(
        f"Leídas {read} = conservadas {kept} + filtradas {filtered} + rechazadas {rejected}.",
        f"{read} read = {kept} kept + {filtered} filtered + {rejected} rejected.",
    )
    return Figure("filtered", say("Qué quedó fuera y por qué", "What was left out, and why"), says, table)


def by_label(name: str, counts: Counter[str], texts: int, say: Language) -> Figure:
    """What an imported table said of its texts in a column of its own."""
    rows = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    table = pd.DataFrame(rows, columns=[name, "n"])
    shown = table.head(MOST_VALUES)
    first = ", ".join(f"{value} ({say.percent(count / texts)})" for value, count in rows[:3])
    says = say(
        f"«{name}» tiene {say.number(len(rows))} valores; los más frecuentes, por parte de los textos: {first}.",
        f"“{name}” has {say.number(len(rows))} values; the most frequent, by share of the texts: {first}.",
    )
    return Figure(f"label-{_file_name(name)}", name, says, table, _bars(shown, color=BLUE), (8.0, 0.8 + 0.3 * len(shown)))


def _file_name(name: str) -> str:
    return re.sub(r"\W+", "-", name.casefold()).strip("-") or "column"


def by_hour(frame: pd.DataFrame, say: Language) -> Figure:
    """Tweets by hour of the day, as a mean over people: who writes much counts as much as who writes little."""
    counts = _people_by_hour(frame)
    mean, spread = counts.mean(axis=0), counts.std(axis=0, ddof=0)
    table = pd.DataFrame({say("hora", "hour"): counts.columns, say("media", "mean"): mean.round(2), "sd": spread.round(2)})
    peak, low = int(mean.idxmax()), int(mean.idxmin())
    night = float((counts[list(NIGHT)].sum(axis=1) > 0).mean())
    says = say(
        f"A las {peak} h se escribe más ({say.decimal(mean[peak])} tuits por persona), a las {low} h menos "
        f"({say.decimal(mean[low])}). El {say.percent(night)} de las personas escribió alguna vez entre las 2 y las 7 h.",
        f"Most is written at {peak}:00 ({say.decimal(mean[peak])} tweets a person), least at {low}:00 "
        f"({say.decimal(mean[low])}). {say.percent(night)} of the people have written between 2:00 and 7:00.",
    )

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.bar(counts.columns, mean, color=[RED if hour in NIGHT else BLUE for hour in counts.columns])
        _label(axes, say("hora del día", "hour of the day"), say("tuits, media por persona", "tweets, mean a person"))

    return Figure("by-hour", say("Por hora del día", "By hour of the day"), says, table, draw, thesis="19")


def by_hour_and_person(frame: pd.DataFrame, say: Language) -> Figure:
    counts = _most(_people_by_hour(frame), MOST_PEOPLE)
    night = counts[list(NIGHT)].sum(axis=1)
    latest = [f"@{name} ({say.number(int(night[name]))})" for name in night.sort_values(ascending=False).index[:3] if night[name]]
    says = say(
        f"De las {len(counts)} personas que más escriben, de 2 a 7 h: {', '.join(latest) or 'ninguna'}.",
        f"Of the {len(counts)} people who write most, between 2:00 and 7:00: {', '.join(latest) or 'none'}.",
    )
    return Figure(
        "by-hour-person",
        say("Por hora y persona", "By hour and person"),
        says,
        counts.reset_index().rename(columns={"screen_name": say("cuenta", "account")}),
        _bubbles(counts, say("hora del día", "hour of the day")),
        (8.0, 1.2 + 0.22 * len(counts)),
        "20",
    )


def top_accounts(frame: pd.DataFrame, say: Language) -> Figure:
    by_person = frame.groupby("screen_name", observed=True)
    counts = by_person.size().sort_values(ascending=False).head(TOP)
    hours = {name: int(by_person.get_group(name)["at"].dt.hour.mode().iloc[0]) for name in counts.index}
    table = pd.DataFrame(
        {
            say("cuenta", "account"): [f"@{name}" for name in counts.index],
            say("partido", "party"): [by_person.get_group(name)["party"].iloc[-1] for name in counts.index],
            say("tuits", "tweets"): counts.to_numpy(),
            say("hora más frecuente", "most frequent hour"): [hours[name] for name in counts.index],
        }
    )
    share = say.percent(float(counts.sum()) / len(frame))
    says = say(
        f"Las {len(counts)} cuentas que más escriben reúnen el {share} de los tuits; la primera, @{counts.index[0]}.",
        f"The {len(counts)} accounts that write most have {share} of the tweets; the first is @{counts.index[0]}.",
    )
    return Figure("top-accounts", say("Cuentas y horas", "Accounts and hours"), says, table)


def posts_a_day(frame: pd.DataFrame, say: Language) -> Figure:
    """Tweets a day between a person's first and last, of the ten with most a day."""
    days_of = frame["at"].dt.tz_localize(None).dt.normalize()  # some days have no midnight where clocks are put forward
    by_person = days_of.groupby(frame["screen_name"], observed=True).agg(["size", "min", "max"])
    days = (by_person["max"] - by_person["min"]).dt.days + 1
    rates = (by_person["size"] / days)[by_person["size"] >= LEAST_OFTEN].sort_values(ascending=False).head(TOP)
    names = [f"@{name}" for name in rates.index]
    table = pd.DataFrame({say("cuenta", "account"): names, say("tuits por día", "tweets a day"): rates.round(2).to_numpy()})
    title = say("Tuits por día", "Tweets a day")
    if not names:
        return Figure(
            "posts-a-day", title, say("Nadie tiene tuits suficientes.", "Nobody has tweets enough."), table, thesis="21"
        )
    most, least = say.decimal(rates.iloc[0]), say.decimal(rates.iloc[-1])
    says = say(
        f"{names[0]} escribe {most} tuits por día; la última de estas {len(names)} cuentas, {names[-1]}, {least}.",
        f"{names[0]} writes {most} tweets a day; the last of these {len(names)} accounts, {names[-1]}, {least}.",
    )
    return Figure("posts-a-day", title, says, table, _bars(table), (8.0, 3.4), "21")


def by_day_and_person(frame: pd.DataFrame, say: Language) -> Figure:
    """The last 365 days."""
    days = frame["at"].dt.tz_localize(None).dt.normalize()
    last = days.max()
    recent = frame.assign(day=days)[days > last - YEAR]
    counts = _most(recent.groupby(["screen_name", "day"], observed=True).size().unstack(fill_value=0), MOST_PEOPLE)
    per_day = recent.groupby("day").size().sort_values(ascending=False)
    peaks = [f"{day:%Y-%m-%d} ({say.number(int(count))})" for day, count in per_day.head(5).items()]
    long = counts.stack()
    table = (
        long[long > 0]
        .rename(say("tuits", "tweets"))
        .reset_index()
        .rename(columns={"screen_name": say("cuenta", "account"), "day": say("día", "day")})
    )
    says = say(
        f"{say.number(len(recent))} tuits en los 365 días hasta el {last:%Y-%m-%d}. Días con más: {', '.join(peaks)}.",
        f"{say.number(len(recent))} tweets in the 365 days up to {last:%Y-%m-%d}. Days with most: {', '.join(peaks)}.",
    )
    return Figure(
        "by-day-person",
        say("Por día y persona, 365 días", "By day and person, 365 days"),
        says,
        table,
        _bubbles(counts, say("día", "day"), most=30.0),
        (9.5, 1.2 + 0.22 * len(counts)),
        "22",
    )


def by_party(frame: pd.DataFrame, say: Language) -> Figure:
    counts = frame.groupby(["coalition", "party"], observed=True).size().rename("n").reset_index()
    counts = counts[counts["n"] > 0].sort_values("n", ascending=False, ignore_index=True)
    people = frame.groupby("party", observed=True)["screen_name"].nunique()
    table = pd.DataFrame(
        {
            say("partido", "party"): counts["party"].astype(str),
            say("tuits", "tweets"): counts["n"],
            say("personas", "people"): [int(people.get(party, 0)) for party in counts["party"]],
            say("coalición", "coalition"): counts["coalition"].astype(str),
        }
    )
    shown = [f"{row.party} {say.number(row.n)} ({say.percent(row.n / len(frame))})" for row in counts.head(5).itertuples()]
    says = say(f"Con más tuits: {', '.join(shown)}.", f"With most tweets: {', '.join(shown)}.")
    return Figure("by-party", say("Por partido", "By party"), says, table, _bars(table), (8.0, 1.0 + 0.24 * len(table)), "23")


def sentiment_by_party(frame: pd.DataFrame, say: Language) -> Figure:
    counts = pd.crosstab(frame["party"], frame["sentiment"]).reindex(columns=list(MOODS), fill_value=0)
    counts = counts[counts.sum(axis=1) >= LEAST_OFTEN]
    shares = counts.div(counts.sum(axis=1), axis=0).sort_values("NEGATIVE")
    if shares.empty:
        says = say("Ningún partido tiene tuits suficientes.", "No party has tweets enough.")
        return Figure("sentiment-party", say("Sentimiento por partido", "Sentiment by party"), says, shares.reset_index())
    calm, angry = shares.index[0], shares.index[-1]
    least, most = say.percent(shares["NEGATIVE"].iloc[0]), say.percent(shares["NEGATIVE"].iloc[-1])
    says = say(
        f"Más negativo: {angry}, {most} de sus tuits; menos: {calm}, {least}.",
        f"Most negative: {angry}, {most} of its tweets; least: {calm}, {least}.",
    )

    def draw(figure: Any) -> None:
        axes, left = figure.add_subplot(), np.zeros(len(shares))
        for mood, color in MOODS.items():
            axes.barh(shares.index.astype(str), shares[mood], left=left, color=color, label=mood)
            left += shares[mood].to_numpy()
        axes.legend(frameon=False, ncols=4, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, 1.12))
        _label(axes, say("proporción de sus tuits", "share of its tweets"), "")

    size, table = (8.0, 1.4 + 0.24 * len(shares)), shares.round(4).reset_index()
    return Figure("sentiment-party", say("Sentimiento por partido", "Sentiment by party"), says, table, draw, size)


def sentiment_over_time(frame: pd.DataFrame, say: Language) -> Figure:
    months = frame["at"].dt.tz_localize(None).dt.to_period("M")
    counts = pd.crosstab(months, frame["sentiment"]).reindex(columns=list(MOODS), fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0)
    enough = counts.sum(axis=1) >= LEAST_OFTEN
    worst = shares["NEGATIVE"][enough].idxmax() if enough.any() else shares.index[-1]
    last = shares.index[-1]
    most, now = say.percent(shares["NEGATIVE"][worst]), say.percent(shares["NEGATIVE"][last])
    says = say(
        f"El mes más negativo es {worst}, con {most}; el último, {last}, {now}.",
        f"The most negative month is {worst}, with {most}; the last, {last}, {now}.",
    )

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        for mood, color in MOODS.items():
            axes.plot(shares.index.to_timestamp(), shares[mood], color=color, label=mood, linewidth=1.4)
        axes.legend(frameon=False, ncols=4, fontsize=8)
        axes.set_ylim(0, 1)
        _label(axes, say("mes", "month"), say("proporción", "share"))

    table = shares.round(4).reset_index(names=say("mes", "month")).astype({say("mes", "month"): str})
    return Figure("sentiment-time", say("Sentimiento por mes", "Sentiment by month"), says, table, draw)


def what_rises(kind: str, said: Said, recent: int, total: int, say: Language) -> Figure:
    """By how much more often a tweet of the last days says it than one before: the ratio of the two shares."""
    before = total - recent
    rows = []
    for item, count in said.recent.items():
        if count >= LEAST_OFTEN:
            ratio = ((count + _PRIOR) / (recent + _PRIOR)) / ((said.before[item] + _PRIOR) / (before + _PRIOR))
            rows.append((item, count, said.before[item], round(ratio, 2)))
    rows.sort(key=lambda row: (-row[3], -row[1], row[0]))
    columns = [say("qué", "what"), say("últimos 90 días", "last 90 days"), say("antes", "before"), say("veces", "times")]
    table = pd.DataFrame(rows[: 2 * TOP], columns=columns)
    shown = ", ".join(f"{row[0]} ({say.decimal(row[3])}×)" for row in rows[:5])
    named = {"hashtag": say("hashtags", "hashtags"), "entity": say("entidades", "entities")}[kind]
    days = RECENT.days
    says = say(
        f"En los últimos {days} días suben: {shown or 'nada'}.", f"In the last {days} days these rise: {shown or 'nothing'}."
    )
    return Figure(f"rising-{kind}", say(f"Qué sube: {named}", f"What rises: {named}"), says, table)


def lengths(frame: pd.DataFrame, say: Language) -> Figure:
    characters = frame["characters"]
    quarter, median, three = (int(characters.quantile(share)) for share in (0.25, 0.5, 0.75))
    counts, edges = np.histogram(characters, bins=range(0, int(characters.max()) + 21, 20))
    table = pd.DataFrame({say("desde", "from"): edges[:-1], say("hasta", "to"): edges[1:] - 1, "n": counts})
    mentions = say.percent(float(frame["begins_with_mention"].mean()))
    says = say(
        f"La mitad de los tuits tiene entre {quarter} y {three} caracteres, la mediana {median}. {mentions} empieza con mención.",
        f"Half of the tweets have {quarter} to {three} characters, the median {median}. {mentions} begin with a mention.",
    )

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.bar(edges[:-1], counts, width=18, align="edge", color=BLUE)
        _label(axes, say("caracteres", "characters"), say("tuits", "tweets"))

    return Figure("length", say("Largo", "Length"), says, table, draw, (8.0, 3.2))


def coverage(frame: pd.DataFrame, say: Language) -> Figure:
    """Of each person: tweets, first and last day, days without any between them, the longest gap."""
    days = frame["at"].dt.tz_localize(None).dt.normalize()
    rows = []
    for name, own in days.groupby(frame["screen_name"], observed=True):
        written = np.sort(own.unique())
        span = int((written[-1] - written[0]) / np.timedelta64(1, "D")) + 1
        gap = int(np.diff(written).max() / np.timedelta64(1, "D")) - 1 if len(written) > 1 else 0
        first, last = (str(np.datetime_as_string(one, unit="D")) for one in (written[0], written[-1]))
        rows.append((f"@{name}", len(own), first, last, span - len(written), gap))
    columns = [say("cuenta", "account"), say("tuits", "tweets"), say("primero", "first"), say("último", "last")]
    columns += [say("días sin tuits", "days without"), say("mayor pausa, días", "longest gap, days")]
    table = pd.DataFrame(rows, columns=columns).sort_values(columns[1], ascending=False, ignore_index=True)
    near = [row[0] for row in rows if row[1] >= 0.9 * POST_LIMIT]
    silent = max(rows, key=lambda row: row[5])
    says = say(
        f"{say.number(len(rows))} cuentas. La mayor pausa es de {silent[0]}: {say.number(silent[5])} días. "
        f"Cerca del límite de {say.number(POST_LIMIT)} publicaciones de X: {', '.join(near) or 'ninguna'}.",
        f"{say.number(len(rows))} accounts. The longest gap is {silent[0]}'s: {say.number(silent[5])} days. "
        f"Near X's limit of {say.number(POST_LIMIT)} posts: {', '.join(near) or 'none'}.",
    )
    return Figure("coverage", say("Cobertura", "Coverage"), says, table)


def _people_by_hour(frame: pd.DataFrame) -> pd.DataFrame:
    counts = frame.groupby(["screen_name", frame["at"].dt.hour.rename("hour")], observed=True).size().unstack(fill_value=0)
    return counts.reindex(columns=range(24), fill_value=0)


def _most(counts: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Those rows that have most, the largest first."""
    return counts.loc[counts.sum(axis=1).sort_values(ascending=False).index[:rows]]


def _bars(table: pd.DataFrame, color: str | Sequence[str] = BLUE) -> Callable[[Any], None]:
    """The second column as bars, by the first."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        axes.barh(table.iloc[:, 0].astype(str), table.iloc[:, 1], color=color)
        axes.invert_yaxis()
        _label(axes, str(table.columns[1]), "")

    return draw


def _bubbles(counts: pd.DataFrame, label: str, most: float = 90.0) -> Callable[[Any], None]:
    """A bubble for each cell, as large as its count."""

    def draw(figure: Any) -> None:
        axes = figure.add_subplot()
        rows, columns = np.nonzero(counts.to_numpy())
        sizes = counts.to_numpy()[rows, columns]
        places = counts.columns.to_numpy()[columns]
        axes.scatter(places, rows, s=most * sizes / sizes.max(), color=BLUE, alpha=0.6, linewidths=0)
        axes.set_yticks(range(len(counts)), [f"@{name}" for name in counts.index], fontsize=7)
        axes.set_ylim(len(counts) - 0.5, -0.5)
        axes.grid(alpha=0.2)
        _label(axes, label, "")

    return draw


def _label(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
