"""The charts, each in Russian and in English, drawn from the marts alone.

Groups differ in marker, fill and lightness, so that a chart can be read in grey and by the colour-blind.
Sizes are inches and follow the number of rows: fitting texts afterwards would double the drawing time.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from bank_segments.marts import Marts, flipped, hypothesis_rows, is_compared, segment_rows
from bank_segments.wording import (
    CONFIDENCE,
    LANGUAGES,
    TEXT,
    VERDICTS,
    Labels,
    Language,
    counted,
    decimals_of,
    difference,
    is_known,
    labels,
    number,
    p_value,
    percent,
    rate_and_ends,
)

_DARK, _MIDDLE, _LIGHT, _GREY = "#12355b", "#c8501e", "#9ecae1", "#8c8c8c"
_COVER: dict[str, Any] = {"facecolor": "white", "edgecolor": "none", "pad": 1}
_DPI = 150
_WIDTH = 13.0
_MARGIN = 0.25
_ROW = 0.21
_CHARACTER = 0.066  # of the 8-point font, on average
_TITLE_CHARACTERS = 106
_WIDE = 1.55  # enough for five percentages under an axis
_COLUMNS = 3
_LEVELS_SHOWN = 12
_LABEL_CHARACTERS = 26
_FOREST_RIGHT = 6.8  # leaves the width of the longest result

_TEXT: dict[str, dict[Language, str]] = {
    "churn_title": {
        "ru": "Сильнее всего отток у группы «{level}»: {rate} при {bank} по банку",
        "en": "Churn stands out most for “{level}”: {rate} against {bank} bank-wide",
    },
    "churn_subtitle": {
        "ru": "Доля ушедших по каждому признаку; отрезок — {interval}, n — число клиентов",
        "en": "Share of clients who left, by trait; the line is the {interval}, n the number of clients",
    },
    "interval": {"ru": "{level} интервал Уилсона", "en": "{level} Wilson interval"},
    "churn_axis": {"ru": "Доля ушедших", "en": "Churn rate"},
    "bank_line": {"ru": "по банку: {rate}", "en": "bank-wide: {rate}"},
    "leavers_title": {
        "ru": "Ушедших сильнее всего отличает «{level}»: {churned} среди ушедших, {active} среди активных",
        "en": "What marks the leavers most is “{level}”: {churned} of them, {active} of the active clients",
    },
    "leavers_subtitle": {
        "ru": "Доля уровня среди ушедших и среди активных; внизу — медиана и средняя половина клиентов",
        "en": "Share of each level among churned and active clients; below, the median and the middle half",
    },
    "share_axis": {"ru": "Доля клиентов группы", "en": "Share of the group's clients"},
    "products_title": {
        "ru": "Активные различаются сильнее всего в «{level}»: {first} — {first_share}, {second} — "
        "{second_share}",
        "en": "Active clients differ most in “{level}”: {first} — {first_share}, {second} — {second_share}",
    },
    "products_subtitle": {
        "ru": "Активные клиенты по числу продуктов: доля уровня; внизу — медиана и средняя половина клиентов",
        "en": "Active clients by number of products: share of each level; below, median and middle half",
    },
    "segments_title": {
        "ru": "Выше всего отток в сегменте «{segment}»: {rate}; в нём {coverage} клиентов",
        "en": "Churn is highest in the segment “{segment}”: {rate}; it holds {coverage} of the clients",
    },
    "segments_subtitle": {
        "ru": "Клиент может входить в несколько сегментов: охваты не складываются; отрезок — {interval}",
        "en": "A client may be in several segments, so coverages do not add up; the line is the {interval}",
    },
    "coverage_axis": {"ru": "Охват: доля всех клиентов", "en": "Coverage: share of all clients"},
    "flips_title": {
        "ru": "Вывод зависит от того, кого сравнивать: {metrics}",
        "en": "The answer depends on who is compared: {metrics}",
    },
    "no_flips_title": {
        "ru": "Выводы одинаковы во всех сравнениях",
        "en": "The answers are the same for every population",
    },
    "forest_title": {"ru": "Что показали гипотезы", "en": "What the hypotheses showed"},
    "forest_subtitle": {
        "ru": "Группы — в том порядке, в каком их называет гипотеза (в скобках — число клиентов); отрезок — ДИ с "
        "поправкой Холма, полоса — граница, внутри которой разность пренебрежимо мала",
        "en": "Groups in the order in which the hypothesis names them (clients in brackets); the line is "
        "the Holm-adjusted CI, the band the margin within which a difference is negligible",
    },
    "forest_axis": {
        "ru": "Разность (первая группа − вторая) в единицах границы",
        "en": "Difference (first group − second) in units of the margin",
    },
    "forest_columns": {
        "ru": "Разность, её интервал, p с поправкой, вывод",
        "en": "Difference, its interval, adjusted p, verdict",
    },
    "levels_shown": {
        "ru": "{trait} (крупнейшие {shown} из {all})",
        "en": "{trait} (largest {shown} of {all})",
    },
}


@dataclass(frozen=True)
class _Group:
    """How one group of clients is told from the others."""

    marker: str
    colour: str
    fill: str


# In order; lightness differs from each to the next.
_GROUPS = (
    _Group("o", _DARK, _DARK),
    _Group("s", _MIDDLE, "white"),
    _Group("^", _LIGHT, _LIGHT),
    _Group("D", _GREY, "white"),
)
_NO_SEGMENT = _Group("o", _GREY, "white")


@dataclass(frozen=True)
class _Area:
    """A rectangle in inches: `left` from the left edge, `top` from the upper edge."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that was written to a file; `title` states its finding."""

    name: str
    language: Language
    path: Path
    title: str


def draw_charts(marts: Marts, directory: Path) -> list[Chart]:
    """Write every chart to `directory` as `<name>.ru.png` and `<name>.en.png`."""
    directory.mkdir(parents=True, exist_ok=True)
    drawn = []
    for language in LANGUAGES:
        for name, figure in figures(marts, language).items():
            title = " ".join(figure.texts[0].get_text().split("\n"))
            drawn.append(Chart(name, language, directory / f"{name}.{language}.png", title))
            figure.savefig(drawn[-1].path, pil_kwargs={"compress_level": 1})
    return drawn


def figures(marts: Marts, language: Language) -> dict[str, Figure]:
    """Every chart by its name, not yet drawn."""
    with _style():
        return {name: chart(marts, labels(marts, language)) for name, chart in _CHARTS.items()}


def _style() -> AbstractContextManager[None]:
    return rc_context(
        {
            "font.family": "DejaVu Sans",
            "font.size": 8,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.spines.left": False,
            "axes.axisbelow": True,
            "axes.grid": True,
            "axes.grid.axis": "x",
            "grid.color": "#dddddd",
            "hatch.linewidth": 0.5,
            "legend.frameon": False,
            "text.parse_math": False,
        }
    )


def _churn_by_trait(marts: Marts, words: Labels) -> Figure:
    language = words.language
    placed = _placed(marts.fct_churn_portrait)
    top = _top(placed, placed["churn_rate_low"].where(placed["churn_rate_low"] > marts.churn_rate))
    title = top is not None and _TEXT["churn_title"][language].format(
        level=words.trait_level(top["trait"], top["level"]),
        rate=percent(top["churn_rate"], language),
        bank=percent(marts.churn_rate, language),
    )
    figure, below = _figure(
        _rows(placed) * _ROW + 0.55,
        title or _TEXT["churn_axis"][language],
        _TEXT["churn_subtitle"][language].format(interval=_interval_name(language)),
    )
    notes = [
        f"{percent(rate, language)}, n = {number(clients, language)}"
        for rate, clients in zip(placed["churn_rate"], placed["clients"], strict=True)
    ]
    placed = placed.assign(note=notes)
    characters = max(map(len, notes), default=0) + 1
    for part, axes in _trait_columns(figure, below, placed, words, right_characters=characters):
        _intervals(axes, part, part["churn_rate"], part["churn_rate_low"], part["churn_rate_high"])
        _bank_line(axes, marts, language)
        _percent_axis(axes, language, _TEXT["churn_axis"][language], full=True)
        for y, note in zip(part["y"], part["note"], strict=True):
            _beside(axes, y, note)
    _legend(figure)
    return figure


def _leavers_portrait(marts: Marts, words: Labels) -> Figure:
    language = words.language
    placed = _placed(marts.fct_churn_portrait)
    top = _top(placed, placed["share_of_churned"] - placed["share_of_active"])
    title = top is not None and _TEXT["leavers_title"][language].format(
        level=words.trait_level(top["trait"], top["level"]),
        churned=percent(top["share_of_churned"], language),
        active=percent(top["share_of_active"], language),
    )
    numbers = marts.fct_churn_portrait_numbers
    figure, below = _figure(
        _rows(placed) * _ROW + 0.55 + _numbers_height(2),
        title or TEXT["churned"][language].capitalize(),
        _TEXT["leavers_subtitle"][language],
    )
    groups = ["churned", "active"]
    sizes = [marts.churned_clients, marts.clients - marts.churned_clients]
    names = [
        f"{TEXT[group][language]}, n = {number(n, language)}" for group, n in zip(groups, sizes, strict=True)
    ]
    for part, axes in _trait_columns(figure, below, placed, words, right_characters=2):
        _bars(axes, part["y"] - 0.2, part["share_of_churned"], _GROUPS[0], 0.38, names[0])
        _bars(axes, part["y"] + 0.2, part["share_of_active"], _GROUPS[1], 0.38, names[1])
        _percent_axis(axes, language, _TEXT["share_axis"][language])
    _legend(figure)
    _number_panels(figure, numbers, "population", {group: TEXT[group][language] for group in groups}, words)
    return figure


def _product_count_portraits(marts: Marts, words: Labels) -> Figure:
    language = words.language
    metrics = marts.fct_product_count_metrics
    portrait = marts.fct_product_count_portrait
    shares = portrait.pivot_table(
        index=["trait", "level"], columns="product_count", values="share", sort=False
    )
    sizes = portrait.groupby(["trait", "level"], sort=False)["clients"].sum()
    placed = _placed(sizes.reset_index())
    active = metrics[metrics["product_count"].isin(shares.columns)]
    absent = metrics["product_count"][metrics["active_clients"] == 0]
    notes = [
        TEXT["none_active"][language].format(products=counted(count, "product", language)) for count in absent
    ]
    figure, below = _figure(
        _rows(placed) * _ROW + 0.55 + _numbers_height(len(active)),
        _products_title(active, shares, words) or "; ".join(notes) or _TEXT["share_axis"][language],
        _TEXT["products_subtitle"][language],
    )
    for part, axes in _trait_columns(figure, below, placed, words, right_characters=2):
        keys = pd.MultiIndex.from_frame(part[["trait", "level"]])
        for group, count, clients in zip(
            _GROUPS, active["product_count"], active["active_clients"], strict=False
        ):
            label = f"{counted(count, 'product', language)}, n = {number(clients, language)}"
            _markers(axes, part["y"], shares[count].reindex(keys), group, label)
        for note in notes:
            axes.plot([], [], " ", label=note)
        _percent_axis(axes, language, _TEXT["share_axis"][language])
    _legend(figure)
    names = {count: counted(count, "product", language) for count in active["product_count"]}
    _number_panels(figure, marts.fct_product_count_portrait_numbers, "product_count", names, words)
    return figure


def _products_title(active: pd.DataFrame, shares: pd.DataFrame, words: Labels) -> str | None:
    """The level in which the two product counts with most active clients differ most."""
    largest = sorted(active.nlargest(2, "active_clients")["product_count"])
    if len(largest) < 2:
        return None
    first, second = (shares[count] for count in largest)
    level = _top(shares.reset_index(), (first - second).abs().reset_index(drop=True))
    if level is None:
        return None
    products = [counted(count, "product", words.language) for count in largest]
    return _TEXT["products_title"][words.language].format(
        first=products[0],
        second=products[1],
        level=words.trait_level(level["trait"], level["level"]),
        first_share=percent(level[largest[0]], words.language),
        second_share=percent(level[largest[1]], words.language),
    )


def _segments(marts: Marts, words: Labels) -> Figure:
    language = words.language
    rows = segment_rows(marts)
    rows["y"] = range(len(rows))
    free = rows[(rows["segment_id"] != "none") & ~rows["is_fixed"]]
    top = _top(free, free["churn_rate"])
    title = top is not None and _TEXT["segments_title"][language].format(
        segment=top[f"name_{language}"],
        rate=percent(top["churn_rate"], language),
        coverage=percent(top["coverage"], language),
    )
    subtitle = _TEXT["segments_subtitle"][language].format(interval=_interval_name(language))
    height = 3.2 * _ROW
    figure, below = _figure(len(rows) * height + 0.55, title or _TEXT["churn_axis"][language], subtitle)
    left, width, gap = 3.2, 3.2, 1.4
    coverage = _axes(figure, _Area(left, below, width, len(rows) * height))
    churn = _axes(figure, _Area(left + width + gap, below, width, len(rows) * height))
    _names(coverage, rows["y"], [_segment_label(row, words) for _, row in rows.iterrows()])
    for group, part in (
        (_GROUPS[0], rows[rows["segment_id"] != "none"]),
        (_NO_SEGMENT, rows[rows["segment_id"] == "none"]),
    ):
        _bars(coverage, part["y"], part["coverage"], group, 0.5)
        _intervals(churn, part, part["churn_rate"], part["churn_rate_low"], part["churn_rate_high"], group)
    for axes in (coverage, churn):
        axes.set_ylim(len(rows) - 0.5, -0.5)
    _percent_axis(coverage, language, _TEXT["coverage_axis"][language])
    _percent_axis(churn, language, _TEXT["churn_axis"][language], full=True)
    _bank_line(churn, marts, language)
    for _, row in rows.iterrows():
        clients = counted(row["clients"], "client", language)
        _beside(coverage, row["y"], f"{percent(row['coverage'], language)}\n{clients}")
        _beside(churn, row["y"], _segment_churn(row, language))
    _legend(figure)
    return figure


def _segment_label(row: pd.Series[Any], words: Labels) -> str:
    if row["segment_id"] == "none":
        return TEXT["no_segment"][words.language]
    clauses = [_short(clause, 42) for clause in words.rule(row["rule"]).split("; ")]
    return "\n".join([_short(row[f"name_{words.language}"], 42).upper(), *clauses[:4]])


def _segment_churn(row: pd.Series[Any], language: Language) -> str:
    if not is_known(row["churn_rate"]):
        return TEXT["no_clients"][language]
    if row["is_fixed"]:
        return f"{percent(row['churn_rate'], language)}\n{TEXT['fixed_by_rule'][language]}"
    return "\n".join(rate_and_ends(row, language))


def _hypotheses_forest(marts: Marts, words: Labels) -> Figure:
    language = words.language
    rows = hypothesis_rows(marts)
    new_group = rows["hypothesis_id"].ne(rows["hypothesis_id"].shift())
    rows["y"] = rows.index + 1.6 * new_group.cumsum() - 0.6
    quote = "«{}»" if language == "ru" else "“{}”"
    metrics = rows[rows["hypothesis_id"].isin(flipped(rows))][f"metric_{language}"].unique()
    title = "flips_title" if len(metrics) else "no_flips_title" if is_compared(rows) else "forest_title"
    last = rows["y"].max() if len(rows) else 1.0
    height = (last + 1) * 1.15 * _ROW
    figure, below = _figure(
        height + 0.55,
        _TEXT[title][language].format(metrics=", ".join(map(quote.format, metrics))),
        _TEXT["forest_subtitle"][language],
    )
    names = [_compared(row, language) for _, row in rows.iterrows()]
    left = _MARGIN + 0.15 + _CHARACTER * max(map(len, names), default=0)
    width = _FOREST_RIGHT - left
    axes = _axes(figure, _Area(left, below, width, height))
    axes.set_ylim(last + 0.5, -0.5)
    axes.axvspan(-1, 1, color="#eeeeee", zorder=0)
    axes.axvline(0, color=_DARK, linewidth=0.8)
    columns = ("difference", "difference_low_adjusted", "difference_high_adjusted")
    for group, (_, part) in zip(_GROUPS, rows.groupby("sort_order"), strict=False):
        margin = part["equivalence_margin"].where(part["equivalence_margin"] > 0)
        middle, low, high = (part[column] / margin for column in columns)
        _intervals(axes, part, middle, low, high, group)
    axes.set_xlabel(_TEXT["forest_axis"][language])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, language)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _names(axes, rows["y"], names)
    for _, row in rows.iterrows():
        _beside(axes, row["y"], _result(row, language))
    for _, row in rows[new_group].iterrows():
        _heading(axes, (_MARGIN - left) / width, row["y"] - 1, row[f"null_{language}"])
    _beside(axes, 0, _TEXT["forest_columns"][language])
    return figure


def _compared(row: pd.Series[Any], language: Language) -> str:
    """A population with the sizes of the groups compared in it."""
    sizes = (number(row[size], language) for size in ("n_two_products", "n_one_product"))
    return f"{row[f'name_{language}']} ({' / '.join(sizes)})"


def _result(row: pd.Series[Any], language: Language) -> str:
    verdict = VERDICTS[row["conclusion"]][language]
    if row["conclusion"] == "not_tested":
        return _short(f"{verdict}. {row[f'reason_{language}']}", 80)
    return f"{difference(row, language)}, {p_value(row['p_value_adjusted'], language)}: {verdict}"


_CHARTS: dict[str, Callable[[Marts, Labels], Figure]] = {
    "churn_by_trait": _churn_by_trait,
    "leavers_portrait": _leavers_portrait,
    "product_count_portraits": _product_count_portraits,
    "segments": _segments,
    "hypotheses_forest": _hypotheses_forest,
}


def _top(frame: pd.DataFrame, values: pd.Series[Any]) -> pd.Series[Any] | None:
    """The row of `frame` with the largest of `values`, of equal ones the first; None where none is known."""
    known = values.dropna().round(12)  # the two levels of a flag differ equally, but for the last bit
    return None if known.empty else frame.loc[frame.index == known.idxmax()].iloc[0]


def _short(text: str, characters: int = _LABEL_CHARACTERS) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _interval_name(language: Language) -> str:
    return _TEXT["interval"][language].format(level=percent(CONFIDENCE, language, 0))


def _placed(frame: pd.DataFrame) -> pd.DataFrame:
    """The levels to show, with the chart's `column`, their `y` in it and all `levels` of the trait.

    The traits with most levels are placed first, each in the emptiest column, with a row of heading above; of
    a trait with many levels the largest are shown.
    """
    largest = frame.groupby("trait", sort=False)["clients"].rank(method="first", ascending=False)
    levels = frame.groupby("trait", sort=False)["level"].transform("size")
    shown = frame.assign(levels=levels)[largest <= _LEVELS_SHOWN]
    filled = [0.0] * _COLUMNS
    column_of: dict[Hashable, int] = {}
    for trait, count in (
        shown.groupby("trait", sort=False).size().sort_values(ascending=False, kind="stable").items()
    ):
        column_of[trait] = filled.index(min(filled))
        filled[column_of[trait]] += count + 1.5
    order = list(dict.fromkeys(column_of[trait] for trait in shown["trait"]))
    shown = shown.assign(column=[order.index(column_of[trait]) for trait in shown["trait"]])
    heading = shown["trait"].ne(shown.groupby("column")["trait"].shift())
    return shown.assign(
        y=shown.groupby("column").cumcount() + 1.5 * heading.groupby(shown["column"]).cumsum() - 0.5
    )


def _rows(placed: pd.DataFrame) -> float:
    return float(placed["y"].max()) + 1 if len(placed) else 1.0


def _figure(height: float, title: str, subtitle: str) -> tuple[Figure, float]:
    """A figure with its title lines, and the inches from its top where the other `height` inches begin."""
    lines = textwrap.wrap(title, _TITLE_CHARACTERS, max_lines=3, placeholder="…")
    top = 0.3 + 0.23 * len(lines)
    below = top + 0.6
    figure = Figure(figsize=(_WIDTH, below + height), dpi=_DPI, facecolor="white")
    FigureCanvasAgg(figure)
    figure.text(
        _MARGIN / _WIDTH, 1 - 0.2 / (below + height), "\n".join(lines), size=13, weight="bold", va="top"
    )
    figure.text(_MARGIN / _WIDTH, 1 - (top + 0.02) / (below + height), subtitle, size=9, va="top")
    return figure, below


def _axes(figure: Figure, area: _Area) -> Axes:
    width, height = figure.get_size_inches()
    bottom = height - area.top - area.height
    where = (area.left / width, bottom / height, area.width / width, area.height / height)
    return figure.add_axes(where, yticks=[])


def _trait_columns(
    figure: Figure, below: float, placed: pd.DataFrame, words: Labels, right_characters: int
) -> list[tuple[pd.DataFrame, Axes]]:
    """One axes per column of `placed` with the names of traits and levels, and the rows that belong in it."""
    rows = _rows(placed)
    columns: list[tuple[pd.DataFrame, Axes]] = []
    names = [_short(words.level(t, v)) for t, v in zip(placed["trait"], placed["level"], strict=True)]
    left = _MARGIN + 0.1 + _CHARACTER * max(map(len, names), default=0)
    width = (_WIDTH - _MARGIN) / _COLUMNS
    for _, part in placed.assign(name=names).groupby("column"):
        plot = width - left - right_characters * _CHARACTER
        axes = _axes(figure, _Area(width * len(columns) + left, below, plot, rows * _ROW))
        _names(axes, part["y"], part["name"])
        axes.set_ylim(rows - 0.4, -0.6)
        for trait, levels in part.groupby("trait", sort=False):
            shown, every = len(levels), int(levels["levels"].iloc[0])
            name = words.trait(str(trait))
            if shown < every:
                name = _TEXT["levels_shown"][words.language].format(trait=name, shown=shown, all=every)
            _heading(axes, (_MARGIN - left) / plot, levels["y"].iloc[0] - 1, name)
        columns.append((part, axes))
    return columns


def _numbers_height(groups: int) -> float:
    return 1.1 + 0.3 * groups


def _number_panels(
    figure: Figure, numbers: pd.DataFrame, column: str, names: dict[Any, str], words: Labels
) -> None:
    """Panels at the foot, one per numeric trait: median and middle half of every group in `column`."""
    language = words.language
    traits = list(dict.fromkeys(numbers["trait"]))
    left, gap = _MARGIN + 0.1 + _CHARACTER * max(map(len, names.values()), default=0), 0.3
    width = (_WIDTH - left - _MARGIN) / max(len(traits), 1)
    height = 0.3 * len(names)
    for position, trait in enumerate(traits):
        area = _Area(left + width * position, figure.get_size_inches()[1] - height - 0.6, width - gap, height)
        axes = _axes(figure, area)
        if position == 0:
            _names(axes, range(len(names)), names.values())
        axes.set_ylim(len(names) - 0.4, -0.8)
        axes.grid(visible=False)
        axes.set_title(words.trait(trait, "number"), size=8, weight="bold", loc="left")
        part = numbers[(numbers["trait"] == trait) & numbers[column].isin(list(names))]
        part = part.assign(y=part[column].map({name: y for y, name in enumerate(names)}))
        for y, group in enumerate(_GROUPS[: len(names)]):
            row = part[part["y"] == y]
            _intervals(axes, row, row["median"], row["p25"], row["p75"], group)
        decimals = decimals_of(*part["median"])
        for y, median in zip(part["y"], part["median"], strict=True):
            if is_known(median):
                axes.text(
                    median, y - 0.18, number(median, language, decimals), ha="center", va="bottom", size=7
                )
        axes.set_xlabel(words.units.get(trait, ""))
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, language)))
        axes.margins(x=0.12)


def _intervals(
    axes: Axes,
    rows: pd.DataFrame,
    middle: pd.Series[Any],
    low: pd.Series[Any],
    high: pd.Series[Any],
    group: _Group = _GROUPS[0],
) -> None:
    """Markers with intervals at `rows["y"]`; rows without a value are left out."""
    known = middle.notna()
    axes.hlines(rows["y"][known], low[known], high[known], colors=group.colour, linewidth=1.4)
    _markers(axes, rows["y"][known], middle[known], group)


def _bars(
    axes: Axes,
    y: pd.Series[Any],
    shares: pd.Series[Any],
    group: _Group,
    height: float,
    label: str | None = None,
) -> None:
    """Horizontal bars, hatched where the group's markers are hollow."""
    hatch = "" if group.fill == group.colour else "////"
    axes.barh(
        y, shares, height, color=group.fill, edgecolor=group.colour, hatch=hatch, linewidth=0.6, label=label
    )


def _markers(
    axes: Axes, y: pd.Series[Any], x: pd.Series[Any], group: _Group, label: str | None = None
) -> None:
    axes.plot(
        x.to_numpy(),
        y.to_numpy(),
        group.marker,
        color=group.colour,
        markerfacecolor=group.fill,
        markersize=4.5,
        clip_on=False,
        label=label,
    )


def _bank_line(axes: Axes, marts: Marts, language: Language) -> None:
    label = _TEXT["bank_line"][language].format(rate=percent(marts.churn_rate, language))
    axes.axvline(marts.churn_rate, color=_MIDDLE, linewidth=1, linestyle="--", label=label)


def _percent_axis(axes: Axes, language: Language, name: str, *, full: bool = False) -> None:
    axes.set_xlim(0, 1 if full else None)
    axes.xaxis.set_major_locator(MaxNLocator(4 if axes.bbox.width > _WIDE * _DPI else 2))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: percent(x, language, 0)))
    axes.set_xlabel(name)


def _names(axes: Axes, rows: Iterable[float], names: Iterable[str]) -> None:
    """What stands left of the plot: texts, because tick labels take three times as long to draw."""
    where = axes.get_yaxis_transform()
    for y, name in zip(rows, names, strict=True):
        axes.text(-0.03, y, name, ha="right", va="center_baseline", transform=where)


def _beside(axes: Axes, y: float, text: str) -> None:
    """A note right of the plot, at the height of a row."""
    axes.text(1.05, y, text, transform=axes.get_yaxis_transform(), va="center_baseline")


def _heading(axes: Axes, x: float, y: float, text: str) -> None:
    """A heading above the rows at `y`, from `x` (in widths of the plot) across the plot."""
    where = axes.get_yaxis_transform()
    axes.text(x, y, text, weight="bold", va="center_baseline", transform=where, bbox=_COVER)


def _legend(figure: Figure) -> None:
    """The legend of the first plot that has one, under the titles of the figure."""
    with_legend = [axes for axes in figure.axes if axes.get_legend_handles_labels()[0]]
    if not with_legend:
        return
    axes = with_legend[0]
    handles, names = axes.get_legend_handles_labels()
    height = figure.get_size_inches()[1]
    below = (1 - axes.get_position().y1) * height
    anchor = (_MARGIN / _WIDTH, 1 - (below - 0.16) / height)
    figure.legend(
        handles, names, loc="lower left", bbox_to_anchor=anchor, ncols=6, borderaxespad=0, handlelength=1.6
    )
