"""The charts, each in Russian and in English: the rows of the marts as they are, laid out by matplotlib.

What stands out, comes first or is too small to be shown is a column of its mart. The height of a chart follows the
number of its rows; the style is `charts.mplstyle`.
"""

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib import rc_context, rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from bank_segments.marts import Marts, hypothesis_rows
from bank_segments.marts import rows as records
from bank_segments.words import CONFIDENCE, Language, Words, decimals_of, is_known, words_of

Row = Mapping[str, Any]
T = TypeVar("T")

# Inches.
_WIDTH = 13.0
_ROW = 0.21
_HEAD = 1.1
# Rows that the axis below the rows and the heading above them take.
_AXIS = 3
_HEADING = 1.5
_COLUMNS = 3
_PANELS = 5
_LEVELS_SHOWN = 12
# The middle, the low and the high end of an interval.
_RATE = ("churn_rate", "churn_rate_low", "churn_rate_high")
_QUARTILES = ("median", "p25", "p75")
_DIFFERENCE = ("difference", "difference_low_adjusted", "difference_high_adjusted")
_ODDS = ("odds_ratio_adjusted", "odds_ratio_adjusted_low", "odds_ratio_adjusted_high")


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that was written to a file; `title` states its finding."""

    name: str
    language: Language
    path: Path
    title: str


def draw_charts(marts: Marts, directory: Path, language: Language) -> list[Chart]:
    """Write every chart of a language to `directory` as `<name>.<language>.png`."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    with chart_style():
        for name, figure in figures(marts, language).items():
            path = directory / f"{name}.{language}.png"
            drawn.append(Chart(name, language, path, figure.get_suptitle()))
            # savefig would draw it twice, the first time for the layout alone.
            FigureCanvasAgg(figure).print_png(path, pil_kwargs={"compress_level": 1})  # type: ignore[no-untyped-call]
    return drawn


def figures(marts: Marts, language: Language) -> dict[str, Figure]:
    """Every chart that the bank's table allows, by its name; to be made and drawn within `chart_style`."""
    words = words_of(marts, language)
    is_absent = {
        "product_count_portraits": not words.bank["has_product_count"],
        "segments": marts.dim_segments.empty,
        "hypotheses_forest": marts.fct_hypothesis_results.empty,
        "retention_tornado": marts.fct_retention_economics.query("not is_too_small")["profit"].isna().all(),
        "pilot_power": marts.fct_pilot_designs.query("not is_too_small")["clients_per_arm"].isna().all(),
    }
    claims = words.environment().get_template("claims.xml.j2").make_module(marts.tables)
    return {
        name: draw(marts, words, Markup(getattr(claims, claim)()).unescape())
        for name, (draw, claim) in _CHARTS.items()
        if not is_absent.get(name)
    }


def chart_style() -> AbstractContextManager[None]:
    """The style sheet of the charts."""
    return rc_context(fname=Path(__file__).with_name("charts.mplstyle"))


def _churn_by_trait(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    subtitle = _(
        "Share of clients who left, by trait; the line is the %(interval)s, n the number of clients",
        interval=_interval(words),
    )
    placed = _placed(marts.fct_churn_portrait)
    figure, (part,) = _figure(title, subtitle, _rows(placed))
    for axes, rows in _trait_columns(part, placed, words, _("Churn rate"), limit=1):
        _bank_line(axes, marts, words)
        _intervals(axes, rows, _groups()[0], _RATE)
        for row in records(rows):
            _beside(axes, row["y"], f"{words.percent(row['churn_rate'])}, n = {words.number(row['clients'])}")
    return figure


def _leavers_portrait(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    numbers, placed = marts.fct_churn_portrait_numbers, _placed(marts.fct_churn_portrait)
    notes = [_("Share of each level among churned and active clients")]
    if len(numbers):
        notes.append(_("below, the median and the middle half"))
    names = {"churned": _("churned"), "active": _("active")}
    (counts,) = records(marts.row_counts)
    figure, (part, *foot) = _figure(title, "; ".join(notes), _rows(placed), *_panel_rows(names, numbers))
    for axes, rows in _trait_columns(part, placed, words, _("Share of the group's clients")):
        for group, ((population, name), offset) in _grouped(zip(names.items(), (-0.2, 0.2), strict=True)):
            label = f"{name}, n = {words.number(counts[f'{population}_clients'])}"
            _bars(axes, rows["y"] + offset, rows[f"share_of_{population}"], group, 0.38, label)
    _number_panels(foot, numbers, "population", names, words)
    return figure


def _product_count_portraits(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    numbers = marts.fct_product_count_portrait_numbers
    notes = [_("Active clients by number of products: share of each level")]
    if len(numbers):
        notes.append(_("below, the median and the middle half"))
    names, sizes = dict[int, str](), dict[int, str]()
    for row in records(marts.fct_product_count_metrics):
        products = words.counted(row["product_count"], "product")
        if row["is_too_small"]:
            notes.append(_("%(products)s: hidden for small groups", products=products))
        elif not row["active_clients"]:
            notes.append(_("%(products)s: none active", products=products))
        else:
            names[row["product_count"]] = products
            sizes[row["product_count"]] = words.number(row["active_clients"])
    cells = marts.fct_product_count_portrait.query("not is_too_small")
    if marts.fct_product_count_portrait["is_too_small"].any():
        notes.append(_("small groups are hidden"))
    placed = _placed(marts.fct_churn_portrait.merge(cells[["trait", "level"]].drop_duplicates()))
    figure, (part, *foot) = _figure(title, "; ".join(notes), _rows(placed), *_panel_rows(names, numbers))
    for axes, rows in _trait_columns(part, placed, words, _("Share of the group's clients")):
        shares = cells.merge(rows[["trait", "level", "y"]])
        # One below the other: equal shares would hide each other.
        offsets = 0.7 * ((np.arange(len(names)) + 0.5) / max(len(names), 1) - 0.5)
        for group, ((count, name), offset) in _grouped(zip(names.items(), offsets, strict=True)):
            of_count = shares[shares["product_count"] == count]
            _markers(axes, of_count["y"] + offset, of_count["share"], group, f"{name}, n = {sizes[count]}")
    _number_panels(foot, numbers, "product_count", names, words)
    return figure


def _churn_drivers(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    subtitle = _(
        "Odds of leaving against the most frequent level, the other traits held equal; the line is the %(level)s CI",
        level=words.percent(CONFIDENCE, 0),
    )
    portrait = marts.fct_churn_portrait[["trait", "level", "clients_rank"]]
    levels = marts.fct_churn_driver_levels.merge(portrait, how="left")
    if levels["is_too_small"].any():
        subtitle += "; " + _("small groups are hidden")
    if (levels["clients_rank"] > _LEVELS_SHOWN).any():
        subtitle += "; " + _("of each trait its largest levels")
    rows = levels[levels["odds_ratio_adjusted_low"].notna() & ~levels["is_too_small"]]
    rows = rows.query(f"clients_rank <= {_LEVELS_SHOWN}").reset_index(drop=True)
    is_first = ~rows["trait"].duplicated()
    rows["y"] = rows.index + _HEADING * is_first.cumsum()
    figure, (part,) = _figure(title, subtitle, 1.1 * (_rows(rows) + 1))
    axes = part.subplots()
    axes.axvline(1, color=_groups()[3]["color"], linewidth=0.8, linestyle="-")
    _markers(axes, rows["y"], rows["odds_ratio"], _groups()[1], _("without adjustment"))
    _intervals(axes, rows, _groups()[0], _ODDS, _("with all else equal"))
    _legend(part, axes)
    _log_axis(axes, words, _("Odds ratio"))
    axes.set_yticks(rows["y"], [_short(words.level(row["trait"], row["level"])) for row in records(rows)])
    axes.set_ylim(_rows(rows), -1)
    for row in records(rows):
        ends = words.between(row["odds_ratio_adjusted_low"], row["odds_ratio_adjusted_high"], 2)
        _beside(axes, row["y"], f"{words.number(row['odds_ratio_adjusted'], 2)} ({ends})")
    references: dict[str, str] = dict(levels.query("is_reference")[["trait", "level"]].itertuples(index=False))
    for row in records(rows[is_first]):
        reference = _short(words.level(row["trait"], references[row["trait"]]))
        trait = words.trait(row["trait"])
        _heading(axes, row["y"] - 1, _("%(trait)s, against “%(level)s”", trait=trait, level=reference))
    return figure


def _segment_candidates(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    candidates = marts.fct_segment_candidates.query("not is_too_small and candidate_rank.notna()")
    found = candidates[candidates["finding_rank"].notna()]
    subtitle = _("Every combination of traits that was tried; beside it the findings and the bank’s own segments")
    figure, (part,) = _figure(title, subtitle, 30)
    axes, notes = part.subplots(1, 2, width_ratios=(3, 2))
    _bank_line(axes, marts, words, along="y")
    declared = candidates[candidates["is_declared"]]
    tried = candidates.drop(found.index.union(declared.index))
    drawn = {_("tried"): (_groups()[2], tried), _("found"): (_groups()[0], found)}
    drawn[_("the bank’s own")] = (_groups()[5], declared)
    for label, (group, rows) in drawn.items():
        _markers(axes, rows["churn_rate"], rows["coverage"], group, label)
    _percent_axis(axes, words, _("Coverage: share of all clients"))
    _upright_percent_axis(axes, words, _("Churn rate"))
    notes.axis("off")
    listed = records(pd.concat([found, declared]))
    for place, row in enumerate(listed):
        clients = words.counted(row["clients"], "client")
        name = "\n".join(textwrap.wrap(words.name(row, "name"), 60, max_lines=2, placeholder="…"))
        told = f"{name}\n    {clients}, {words.rate_with_interval(row)}"
        group = _groups()[5 if row["is_declared"] else 0]
        y = 1 - (place + 0.5) / len(listed)
        notes.plot(0, y, **group, transform=notes.transAxes, clip_on=False)
        notes.text(0.03, y, told, va="center", transform=notes.transAxes)
    _legend(part, axes)
    return figure


def _segments(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    rows = marts.named["fct_segment_metrics"].assign(y=lambda rows: range(len(rows)))
    subtitle = _(
        "A client may be in several segments, so coverages do not add up; the line is the %(interval)s",
        interval=_interval(words),
    )
    figure, (part,) = _figure(title, subtitle, 3.2 * len(rows))
    coverage, churn = part.subplots(1, 2, sharey=True)
    _bank_line(churn, marts, words)
    is_none = rows["segment_id"] == "none"
    for group, of_group in ((_groups()[0], rows[~is_none]), (_groups()[3], rows[is_none])):
        shown = of_group.query("not is_too_small")
        _bars(coverage, shown["y"], shown["coverage"], group, 0.5)
        _intervals(churn, shown, group, _RATE)
    for row in records(rows):
        for axes, note in zip((coverage, churn), _segment_notes(row, words), strict=True):
            _beside(axes, row["y"], note)
    coverage.set_yticks(rows["y"], [_segment_label(row, words) for row in records(rows)])
    coverage.set_ylim(len(rows) - 0.5, -0.5)
    _percent_axis(coverage, words, _("Coverage: share of all clients"))
    _percent_axis(churn, words, _("Churn rate"), limit=1)
    _legend(part, churn)
    return figure


def _segment_label(row: Row, words: Words) -> str:
    if row["segment_id"] == "none":
        return words.gettext("In no segment")
    clauses = [_short(clause, 42) for clause in words.rule(row["rule"]).split("; ")]
    return "\n".join([_short(words.name(row, "name"), 42).upper(), *clauses[:4]])


def _segment_notes(row: Row, words: Words) -> tuple[str, str]:
    """What stands beside the coverage and the churn rate of a segment."""
    _ = words.gettext
    if is_known(row.get("reason_en")):
        return _("not applicable"), ""
    if row["is_too_small"] and row["clients"]:
        return _("hidden for small groups"), _("hidden for small groups")
    coverage = f"{words.percent(row['coverage'])}\n{words.counted(row['clients'], 'client')}"
    if not is_known(row["churn_rate"]):
        return coverage, _("no clients")
    if row["is_churn_set_by_rule"]:
        return coverage, "\n".join((words.percent(row["churn_rate"]), _("churn set by the rule")))
    return coverage, "\n".join(words.rate_and_ends(row))


def _hypotheses_forest(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    rows = hypothesis_rows(marts)
    is_first = ~rows["hypothesis_id"].duplicated()
    rows["y"] = rows.index + _HEADING * is_first.cumsum()
    subtitle = _(
        "Groups in the order in which the hypothesis names them (clients in brackets); the line is the Holm-adjusted "
        "CI, the band the margin within which a difference is negligible; equivalence is tested on its own, unadjusted"
    )
    figure, (part,) = _figure(title, subtitle, 1.15 * (_rows(rows) + 1))
    axes = part.subplots()
    axes.axvspan(-1, 1, color="#eeeeee", zorder=0)
    axes.axvline(0, color=_groups()[0]["color"], linewidth=0.8, linestyle="-")
    margins = rows["equivalence_margin"].astype(float).replace(0, np.nan)
    in_margins = rows.assign(**{column: rows[column] / margins for column in _DIFFERENCE})
    for group, population in _grouped(marts.dim_populations["population"]):
        _intervals(axes, in_margins[rows["population"] == population], group, _DIFFERENCE)
    axes.set_yticks(rows["y"], [_compared(row, words) for row in records(rows)])
    axes.set_ylim(_rows(rows), -1)
    axes.set_xlabel(_("Difference (first group − second) in units of the margin"))
    _number_axis(axes, words, ticks=9)
    _beside(axes, -0.5, _("Difference, its interval, adjusted p, verdict"))
    for row in records(rows):
        _beside(axes, row["y"], _result(row, words))
    for row in records(rows[is_first]):
        _heading(axes, row["y"] - 1, _("“%(null)s”", null=words.name(row, "null")))
    return figure


def _compared(row: Row, words: Words) -> str:
    """A population with the sizes of the groups compared in it."""
    sizes = [row[f"{group}_group_clients"] for group in ("first", "second")]
    return words.name(row, "name") + (f" ({' / '.join(map(words.number, sizes))})" if all(map(is_known, sizes)) else "")


def _result(row: Row, words: Words) -> str:
    verdict = words.term(row["conclusion"])
    if row["conclusion"] == "not_tested":
        return _short(f"{verdict}. {words.name(row, 'reason')}", 80)
    return f"{words.difference(row)}, {words.p_value(row['p_value_adjusted'])}: {verdict}"


def _retention_tornado(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    central = marts.fct_retention_economics.query("scenario == 'central'")
    shown = marts.named["fct_retention_proposals"].merge(central[["segment_id", "proposal_id", "profit"]])
    shown = shown[shown["proposal_rank"].notna() & shown["profit"].notna()]
    shown = shown.sort_values("proposal_rank")
    subtitle = _(
        "Profit, %(currency)s, with one assumption at its low or its high end and the others central; solid line: all "
        "central, dashed: neither profit nor loss. Association, not proven uplift",
        currency=words.currency,
    )
    lines = max(-(-len(shown) // 2), 1)
    figure, (part,) = _figure(title, subtitle, 14 * lines)
    panels = part.subplots(lines, 2, squeeze=False).flat
    ends = marts.named["fct_retention_sensitivity"]
    for row, axes in zip(records(shown), panels, strict=False):
        bars = ends[(ends["segment_id"] == row["segment_id"]) & (ends["proposal_id"] == row["proposal_id"])]
        bars = bars.assign(y=range(len(bars)))
        for group, (end, name) in _grouped({"low": _("low end"), "high": _("high end")}.items()):
            _bars(axes, bars["y"], bars[f"profit_{end}"], group, 0.6, name, start=row["profit"])
        axes.axvline(row["profit"], color=_groups()[0]["color"], linewidth=1, linestyle="-")
        axes.axvline(0, color=_groups()[3]["color"], linewidth=1, linestyle="--")
        axes.set_yticks(bars["y"], [_short(words.name(bar, "name"), 48) for bar in records(bars)])
        axes.set_ylim(len(bars) - 0.4, -0.6)
        axes.set_title(_short(words.name(row, "title"), 60))
        axes.set_xlabel(_("Profit, %(currency)s", currency=words.currency))
        _number_axis(axes, words, ticks=3)
        for bar in records(bars):
            low, high = (words.assumed(bar[f"value_{end}"], bar) for end in ("low", "high"))
            _beside(axes, bar["y"], f"{low} … {high}")
    for axes in part.axes[len(shown) :]:
        axes.set_axis_off()
    if len(shown):
        _legend(part, part.axes[0], columns=2)
    return figure


def _pilot_power(marts: Marts, words: Words, title: str) -> Figure:
    _ = words.gettext
    curves = marts.fct_pilot_power.query("not is_too_small")
    designs = marts.fct_pilot_designs.merge(marts.dim_segments, on="segment_id")
    designs = designs[~designs["is_too_small"] & designs["clients_per_arm"].notna()]
    subtitle = _(
        "How likely a pilot of that size shows the share kept from which on the proposal pays; marked is what the "
        "segment has the clients for"
    )
    figure, (part,) = _figure(title, subtitle, 22)
    axes = part.subplots()
    for group, row in _grouped(records(designs)):
        curve = curves[(curves["segment_id"] == row["segment_id"]) & (curves["proposal_id"] == row["proposal_id"])]
        axes.plot(
            curve["clients_per_arm"],
            curve["power"],
            color=group["color"],
            linewidth=1.6,
            linestyle="-",
            marker="",
        )
        enough = curve[curve["is_large_enough"]]
        label = _(
            "“%(segment)s”: %(needed)s for each arm, %(available)s in all",
            segment=words.name(row, "name"),
            needed=words.number(row["clients_per_arm"]),
            available=words.number(row["available_clients"]),
        )
        _markers(axes, enough["power"], enough["clients_per_arm"], group, label)
    for power in designs["power"].unique():
        label = _("power settled on: %(power)s", power=words.percent(power, 0))
        axes.axhline(power, color=_groups()[3]["color"], linewidth=1, linestyle="--", label=label)
    _log_axis(axes, words, _("Clients in each arm"))
    _upright_percent_axis(axes, words, _("Power"))
    _legend(part, axes, columns=2)
    return figure


# Each chart, and the claim of `claims.xml.j2` that is its title.
_CHARTS: Mapping[str, tuple[Callable[[Marts, Words, str], Figure], str]] = {
    "churn_by_trait": (_churn_by_trait, "levels"),
    "leavers_portrait": (_leavers_portrait, "leavers"),
    "churn_drivers": (_churn_drivers, "drivers"),
    "product_count_portraits": (_product_count_portraits, "portraits"),
    "segments": (_segments, "segments"),
    "segment_candidates": (_segment_candidates, "candidates"),
    "hypotheses_forest": (_hypotheses_forest, "changes"),
    "retention_tornado": (_retention_tornado, "economics"),
    "pilot_power": (_pilot_power, "pilots"),
}


def _short(text: str, characters: int = 26) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _interval(words: Words) -> str:
    return words.gettext("%(level)s Wilson interval", level=words.percent(CONFIDENCE, 0))


def _placed(portrait: pd.DataFrame) -> pd.DataFrame:
    """The levels to draw with their `column` and their `y` in it, in the order of the mart.

    Of a trait with many `levels` the largest are drawn. A column takes the traits that begin in its third of the rows.
    """
    levels = portrait.groupby("trait", sort=False)["level"].transform("size")
    shown = portrait.assign(levels=levels).query(f"not is_too_small and clients_rank <= {_LEVELS_SHOWN}")
    shown = shown.reset_index(drop=True)
    y = shown.index + _HEADING * (~shown["trait"].duplicated()).cumsum()
    start = y.groupby(shown["trait"]).transform("first")
    column, _thirds = pd.factorize(np.floor(_COLUMNS * start / _rows(shown.assign(y=y))))
    return shown.assign(column=column, y=y - y.groupby(column).transform("first") + 1)


def _rows(placed: pd.DataFrame) -> float:
    """How many rows the longest column takes."""
    return max(placed["y"], default=3) + 1


def _figure(title: str, subtitle: str, *rows: float) -> tuple[Figure, list[SubFigure]]:
    """A figure with its two titles above parts of so many rows, and the parts."""
    heights = [_ROW * (part + _AXIS) for part in rows]
    figure = Figure(figsize=(_WIDTH, _HEAD + sum(heights)))
    left = {"x": 0.15 / _WIDTH, "horizontalalignment": "left", "wrap": True}
    figure.suptitle(title, **left)
    body = figure.subfigures(squeeze=False)[0, 0]
    body.suptitle(subtitle, fontsize=9, fontweight="normal", **left)
    return figure, list(body.subfigures(len(rows), squeeze=False, height_ratios=heights)[:, 0])


def _trait_columns(
    figure: SubFigure, placed: pd.DataFrame, words: Words, axis: str, limit: float | None = None
) -> Iterator[tuple[Axes, pd.DataFrame]]:
    """One axes per column of `placed`, all to one scale, with the names of traits and levels, and its rows to draw."""
    columns = figure.subplots(1, max(placed["column"].nunique(), 1), sharex=True, squeeze=False)[0]
    for column, axes in enumerate(columns):
        rows = placed[placed["column"] == column]
        names = [_short(words.level(row["trait"], row["level"])) for row in records(rows)]
        axes.set_yticks(rows["y"], names)
        axes.set_ylim(_rows(placed) - 0.4, -0.6)
        for trait, levels in rows.groupby("trait", sort=False):
            name, shown, every = words.trait(str(trait)), len(levels), levels["levels"].iloc[0]
            if shown != every:
                name = words.gettext("%(trait)s (largest %(shown)s of %(all)s)", trait=name, shown=shown, all=every)
            _heading(axes, levels["y"].iloc[0] - 1, name)
        yield axes, rows
    for axes in columns:
        _percent_axis(axes, words, axis, limit)
    _legend(figure, axes)


def _panel_rows(names: Mapping[Any, str], numbers: pd.DataFrame) -> list[float]:
    """The rows of the part for `_number_panels`; none without a number."""
    lines = -(-numbers["trait"].nunique() // _PANELS)
    return [lines * (1.3 * len(names) + 1.8 + _AXIS) - _AXIS] if lines else []


def _number_panels(
    foot: Sequence[SubFigure], numbers: pd.DataFrame, column: str, names: Mapping[Any, str], words: Words
) -> None:
    """Panels at the foot, some to a line, one per numeric trait: median and middle half of every group in `column`."""
    shown = numbers[~numbers["is_too_small"] & numbers[column].isin(list(names))]
    shown = shown.assign(y=shown[column].map(list(names).index))
    panels = shown["trait"].nunique()
    for place, (trait, rows) in enumerate(shown.groupby("trait", sort=False)):
        axes = foot[0].add_subplot(-(-panels // _PANELS), min(panels, _PANELS), place + 1)
        for group, name in _grouped(names):
            _intervals(axes, rows[rows[column] == name], group, _QUARTILES)
        for row in records(rows):
            axes.annotate(
                words.number(row["median"], decimals_of(*rows["median"])),
                (row["median"], row["y"]),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                va="bottom",
                size=7,
            )
        axes.set_yticks(range(len(names)), names.values() if place % _PANELS == 0 else [])
        axes.set_ylim(len(names) - 0.4, -0.8)
        axes.set_title(_short(words.trait(str(trait), "number"), 28))
        axes.set_xlabel(words.units.get(str(trait), ""))
        axes.grid(visible=False)
        axes.margins(x=0.12)
        _number_axis(axes, words, ticks=4)


def _groups() -> list[dict[str, Any]]:
    """How groups of clients are told from each other, in order."""
    return list(rcParams["axes.prop_cycle"])


def _grouped(items: Iterable[T]) -> Iterator[tuple[dict[str, Any], T]]:
    """Every item with how its group is told from the others; behind the last way comes the first again."""
    return zip(cycle(_groups()), items, strict=False)


def _intervals(
    axes: Axes, rows: pd.DataFrame, group: Row, columns: tuple[str, str, str], label: str | None = None
) -> None:
    """Markers with intervals; where a value is missing there is none."""
    middle, low, high = (rows[column] for column in columns)
    axes.hlines(rows["y"], low, high, colors=group["color"], linewidth=1.4)
    _markers(axes, rows["y"], middle, group, label)


def _markers(axes: Axes, y: Any, x: Any, group: Row, label: str | None = None) -> None:
    """Markers, whole even at the ends of the axis."""
    axes.plot(x, y, **group, clip_on=False, in_layout=False, label=label)


def _bars(axes: Axes, y: Any, ends: Any, group: Row, height: float, label: str | None = None, start: float = 0) -> None:
    """Horizontal bars from `start` to their ends, hatched where the group's markers are hollow."""
    fill = group["markerfacecolor"]
    style = {"color": fill, "edgecolor": group["color"], "hatch": "////" if fill == "white" else ""}
    axes.barh(y, ends - start, height, left=start, linewidth=0.6, label=label, **style)


def _bank_line(axes: Axes, marts: Marts, words: Words, along: Literal["x", "y"] = "x") -> None:
    """The bank's churn rate, on the axis of the rates."""
    rate = marts.row_counts["churn_rate"].iloc[0]
    label = words.gettext("bank-wide: %(rate)s", rate=words.percent(rate))
    draw = axes.axvline if along == "x" else axes.axhline
    draw(rate, color=_groups()[1]["color"], linewidth=1, linestyle="--", label=label)


def _percent_axis(axes: Axes, words: Words, name: str, limit: float | None = None) -> None:
    axes.set_xlim(0, limit)
    _in_percent(axes.xaxis, words)
    axes.set_xlabel(name)


def _upright_percent_axis(axes: Axes, words: Words, name: str) -> None:
    axes.set_ylim(0, 1)
    _in_percent(axes.yaxis, words)
    axes.set_ylabel(name)


def _in_percent(axis: Axis, words: Words) -> None:
    """Ticks that their labels say as they are: none at 2.5 %."""
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda share, _position: words.percent(share, decimals_of(round(100 * share, 6))))


def _log_axis(axes: Axes, words: Words, name: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda x, _position: words.number(x, 0 if x >= 1 else 1))
    axes.set_xlabel(name)


def _number_axis(axes: Axes, words: Words, ticks: int) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(ticks, integer=True))
    axes.xaxis.set_major_formatter(
        lambda x, _position: words.number(x, 0 if float(x).is_integer() else len(f"{x:.6g}".partition(".")[2]))
    )


def _beside(axes: Axes, y: float, text: str) -> None:
    """A note right of the plot, at the height of a row."""
    axes.text(1.05, y, text, transform=axes.get_yaxis_transform(), va="center_baseline")


def _heading(axes: Axes, y: float, text: str) -> None:
    """A heading above rows, from the left end of the plot."""
    cover = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    axes.text(0, y, text, weight="bold", transform=axes.get_yaxis_transform(), va="center_baseline", bbox=cover)


def _legend(figure: SubFigure, axes: Axes, columns: int = 6) -> None:
    """What `axes` names, above all plots of a part."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=columns)
