"""The deck's charts: native ones that PowerPoint can edit, with interval bars, and a picture where it cannot.

python-pptx draws no error bars, and writes a text that begins with `=` into the chart's workbook as a formula;
so the workbook is written here.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
    XL_TICK_MARK,
)
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Pt
from xlsxwriter import Workbook

from bank_segments.outputs.deck_page import ACCENT, GREY, INK, LIGHT, MUTED, TEXT_COLOUR, Box, Slide, describe
from bank_segments.wording import VERDICTS, Language, interval_suffix, is_known, number

Kind = Literal["column", "bar", "marker"]

_SIZE = 12
_DPI = 150
_CREATED = datetime(2000, 1, 1)
# Decimal signs are the viewer's own in PowerPoint; LibreOffice takes them from this code of the language.
_LOCALES: dict[Language, str] = {"ru": "[$-419]", "en": "[$-409]"}
_KINDS = {
    "column": XL_CHART_TYPE.COLUMN_CLUSTERED,
    "bar": XL_CHART_TYPE.BAR_CLUSTERED,
    "marker": XL_CHART_TYPE.LINE_MARKERS,
}
_REACH = 4  # the picture of all hypotheses shows differences up to so many margins


@dataclass(frozen=True)
class Point:
    """One value of a chart with the ends of its interval bar, its text, and where in the warehouse it is from."""

    value: float
    text: str
    relation: str
    columns: tuple[str, ...]
    key: Mapping[str, object]
    low: float | None = None
    high: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is something to draw."""
        return math.isfinite(self.value)

    @property
    def below(self) -> float | None:
        """How far the interval reaches below the value."""
        return None if self.low is None or not is_known(self.low) else self.value - self.low

    @property
    def above(self) -> float | None:
        """How far the interval reaches above the value."""
        return None if self.high is None or not is_known(self.high) else self.high - self.value


@dataclass(frozen=True)
class Series:
    """One group of a chart, a point for each category; a limit is drawn as a dash."""

    name: str
    points: Sequence[Point]
    colour: str = LIGHT
    is_limit: bool = False

    @property
    def has_intervals(self) -> bool:
        """Whether any point has an interval bar."""
        return any(point.low is not None for point in self.points)


@dataclass(frozen=True)
class Axis:
    """How the values are written and how far their axis reaches; without one the values stand at the bars alone."""

    language: Language
    number_format: str
    tick_format: str
    minimum: float
    maximum: float
    step: float
    is_shown: bool = True

    @property
    def labels(self) -> str:
        """The number format of the values, which also says in which language."""
        return _LOCALES[self.language] + self.number_format

    @property
    def ticks(self) -> str:
        """The number format of the axis."""
        return _LOCALES[self.language] + self.tick_format


def percent_axis(language: Language, highest: float, *, is_shown: bool = True) -> Axis:
    """An axis of fractions from 0 up to the next tenth above `highest`."""
    sign = "%" if language == "en" else f'"{chr(160)}"%'
    top = next(tenths / 10 for tenths in range(1, 11) if tenths == 10 or tenths / 10 >= highest)
    return Axis(language, f"0.0{sign}", f"0{sign}", 0, top, 0.1 if top <= 0.5 else 0.2, is_shown)


def axis_around(language: Language, values: Iterable[float | None]) -> Axis:
    """An axis with about six round steps that holds 0 and all `values`; viewers leave no room for intervals."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min([0.0, *known]), max([0.0, *known])
    rough = (high - low) / 6 or 1.0
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * digit for digit in (1, 2, 5, 10) if magnitude * digit >= rough)
    form = "#,##0" if step >= 1 else "0." + "0" * -math.floor(math.log10(step))
    return Axis(language, form, form, step * math.floor(low / step), step * math.ceil(high / step), step)


def native_chart(
    slide: Slide,
    box: Box,
    categories: Sequence[str],
    series: Sequence[Series],
    axis: Axis,
    *,
    kind: Kind,
    bounds: tuple[str, str],
    description: str,
    highlighted: int | None = None,
) -> None:
    """An editable chart of kind `column`, `bar` (with the first category on top) or `marker`.

    Each point becomes a fact of the slide. `bounds` heads the workbook's columns with the lengths of the
    interval bars; the category `highlighted` is drawn in grey.
    """
    data = CategoryChartData(axis.labels)
    data.categories = list(categories)
    for each in series:
        data.add_series(each.name, [point.value if point.is_known else None for point in each.points])
        for category, point in zip(categories, each.points, strict=True):
            if point.is_known:
                place = f"{each.name} | {category}"
                slide.fact(point.text, point.relation, *point.columns, key=point.key, place=place)
    frame = slide.page.shapes.add_chart(_KINDS[kind], *box.emu, data)
    describe(frame, description)
    chart = frame.chart
    chart.part.chart_workbook.update_from_xlsx_blob(_workbook(categories, series, bounds, axis))
    chart.font.size = Pt(_SIZE)
    chart.font.color.rgb = RGBColor.from_string(TEXT_COLOUR)
    chart.has_title = False
    _legend(chart, series)
    _axes(chart, kind, axis)
    plot = chart.plots[0]
    if kind != "marker":
        plot.gap_width = 45 if len(series) == 1 else 60
        plot.overlap = -5
    column = 1 + len(series)
    for each, drawn in zip(series, plot.series, strict=True):
        if kind == "marker":
            _as_markers(drawn, each)
        else:
            _as_bars(drawn, each, axis.labels)
            if highlighted is not None:
                fill = drawn.points[highlighted].format.fill
                fill.solid()
                fill.fore_color.rgb = RGBColor.from_string("D9D9D9")
        if each.has_intervals:
            _error_bars(drawn, each, column, is_line=kind == "marker")
            column += 2


def _workbook(
    categories: Sequence[str], series: Sequence[Series], bounds: tuple[str, str], axis: Axis
) -> bytes:
    """Categories, a column per series, then the columns of the interval bars; every text stays a text."""
    columns: list[tuple[str, list[float | None]]] = [
        (each.name, [point.value for point in each.points]) for each in series
    ]
    for each in series:
        if each.has_intervals:
            columns += [
                (bounds[0], [point.below for point in each.points]),
                (bounds[1], [point.above for point in each.points]),
            ]
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"created": _CREATED})
        sheet = workbook.add_worksheet("Sheet1")
        shown = workbook.add_format({"num_format": axis.labels})
        for row, category in enumerate(categories, start=1):
            sheet.write_string(row, 0, category)
        for column, (name, values) in enumerate(columns, start=1):
            sheet.write_string(0, column, name)
            for row, value in enumerate(values, start=1):
                if value is not None and math.isfinite(value):
                    sheet.write_number(row, column, value, shown)
    return content.getvalue()


def _error_bars(drawn: Any, each: Series, column: int, *, is_line: bool) -> None:
    """Interval bars that read their lengths from the workbook, so that they follow when it is edited."""
    references = []
    for offset, lengths in enumerate(
        ([point.below for point in each.points], [point.above for point in each.points])
    ):
        letter, last = chr(ord("A") + column + offset), len(lengths) + 1
        points = "".join(
            f'<c:pt idx="{row}"><c:v>{length!r}</c:v></c:pt>'
            for row, length in enumerate(lengths)
            if length is not None
        )
        references.append(
            f"<c:numRef><c:f>Sheet1!${letter}$2:${letter}${last}</c:f><c:numCache>"
            f'<c:formatCode>General</c:formatCode><c:ptCount val="{len(lengths)}"/>{points}'
            "</c:numCache></c:numRef>"
        )
    direction = '<c:errDir val="y"/>' if is_line else ""
    bars = parse_xml(
        f"<c:errBars {nsdecls('c', 'a')}>{direction}"
        '<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="0"/>'
        f"<c:plus>{references[1]}</c:plus><c:minus>{references[0]}</c:minus>"
        f'<c:spPr><a:ln w="19050"><a:solidFill><a:srgbClr val="{TEXT_COLOUR}"/></a:solidFill></a:ln></c:spPr>'
        "</c:errBars>"
    )
    drawn._element.find("{*}cat").addprevious(bars)


def _legend(chart: Any, series: Sequence[Series]) -> None:
    """A legend above the chart where there are several series; of the limits it names the first."""
    chart.has_legend = len(series) > 1
    if not chart.has_legend:
        return
    chart.legend.position = XL_LEGEND_POSITION.TOP
    chart.legend.include_in_layout = False
    chart.legend.font.size = Pt(_SIZE)
    limits = [position for position, each in enumerate(series) if each.is_limit]
    for position in limits[1:]:
        entry = f'<c:legendEntry {nsdecls("c")}><c:idx val="{position}"/><c:delete val="1"/></c:legendEntry>'
        chart.legend._element.find("{*}legendPos").addnext(parse_xml(entry))


def _axes(chart: Any, kind: Kind, axis: Axis) -> None:
    names, values = chart.category_axis, chart.value_axis
    names.format.line.color.rgb = RGBColor.from_string(GREY)
    names.major_tick_mark = XL_TICK_MARK.NONE
    names.tick_labels.font.size = Pt(_SIZE)
    values.minimum_scale, values.maximum_scale = axis.minimum, axis.maximum
    values.major_unit = axis.step
    values.major_tick_mark = XL_TICK_MARK.NONE
    values.format.line.fill.background()
    values.has_major_gridlines = axis.is_shown
    if axis.is_shown:
        values.major_gridlines.format.line.color.rgb = RGBColor.from_string("DDDDDD")
        values.tick_labels.font.size = Pt(_SIZE)
        values.tick_labels.number_format = axis.ticks
        values.tick_labels.number_format_is_linked = False
    else:
        values.tick_label_position = XL_TICK_LABEL_POSITION.NONE
    if kind == "bar":
        names.reverse_order = True
        # With the categories turned round, the values would stand above them.
        values._element.find("{*}crosses").set("val", "max")
    if kind == "marker":
        names.tick_label_position = XL_TICK_LABEL_POSITION.LOW


def _as_bars(drawn: Any, each: Series, number_format: str) -> None:
    drawn.format.fill.solid()
    drawn.format.fill.fore_color.rgb = RGBColor.from_string(each.colour)
    drawn.format.line.color.rgb = RGBColor.from_string(INK)
    drawn.format.line.width = Pt(0.75)
    drawn.invert_if_negative = False
    labels = drawn.data_labels
    labels.show_value = True
    labels.number_format, labels.number_format_is_linked = number_format, False
    # An interval bar stands where a label outside the end would: there the label goes to the foot of the bar.
    labels.position = XL_LABEL_POSITION.INSIDE_BASE if each.has_intervals else XL_LABEL_POSITION.OUTSIDE_END
    labels.font.size = Pt(_SIZE)
    labels.font.bold = each.has_intervals
    labels.font.color.rgb = RGBColor.from_string(TEXT_COLOUR)


def _as_markers(drawn: Any, each: Series) -> None:
    drawn.smooth = False
    drawn.format.line.fill.background()
    drawn.marker.style = XL_MARKER_STYLE.DASH if each.is_limit else XL_MARKER_STYLE.CIRCLE
    drawn.marker.size = 30 if each.is_limit else 11
    drawn.marker.format.fill.solid()
    drawn.marker.format.fill.fore_color.rgb = RGBColor.from_string(each.colour)
    drawn.marker.format.line.color.rgb = RGBColor.from_string(each.colour)


def forest_picture(rows: pd.DataFrame, box: Box, language: Language, axis: str) -> io.BytesIO:
    """Differences in units of their margin over the band of the margin, which no native chart can draw.

    `rows` are rows of `hypothesis_rows`; the PNG is as large as `box`, with `axis` under it. What lies further
    out than the picture reaches is drawn as an arrow.
    """
    with rc_context({"font.family": "DejaVu Sans", "font.size": 11, "text.parse_math": False}):
        figure = Figure(figsize=(box.width, box.height), dpi=_DPI, facecolor="white")
        FigureCanvasAgg(figure)
        left, right, foot, head = 2.2 / box.width, 1.85 / box.width, 0.75 / box.height, 0.42 / box.height
        across = 1 - left - right
        axes = figure.add_axes((left, foot, across, 1 - foot - head), yticks=[])
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.axvspan(-1, 1, color="#e4e4e4", zorder=0)
        axes.axvline(0, color=f"#{INK}", linewidth=1, zorder=1)
        axes.set_xlim(-_REACH, _REACH)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        first = rows["sort_order"].min()
        for y, (_, row) in enumerate(rows.iterrows()):
            _forest_row(axes, y, row, language, is_first=row["sort_order"] == first)
        starts = rows["hypothesis_id"].ne(rows["hypothesis_id"].shift())
        for y in [y for y, is_start in enumerate(starts) if is_start]:
            group = rows[rows["hypothesis_id"] == rows["hypothesis_id"].iloc[y]]
            name = textwrap.wrap(rows[f"metric_{language}"].iloc[y], 22, max_lines=3, placeholder="…")
            where = axes.get_yaxis_transform()
            middle = y + (len(group) - 1) / 2
            axes.text(-0.03, middle, "\n".join(name), ha="right", va="center", transform=where)
            if y:
                reach = {"xmin": -0.95 * left / across, "xmax": 1 + 0.95 * right / across}
                axes.axhline(y - 0.5, color="#cccccc", linewidth=0.8, clip_on=False, **reach)
        axes.grid(visible=True, axis="x", color="#dddddd")
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x, language)))
        figure.text(
            0.02, 0.08 / box.height, "\n".join(textwrap.wrap(axis, 70)), va="bottom", color=f"#{MUTED}"
        )
        handles = [
            axes.plot([], [], "o", color=f"#{colour}", markerfacecolor=fill, label=name)[0]
            for name, (colour, fill) in zip(
                rows[f"name_{language}"].drop_duplicates(),
                ((INK, f"#{INK}"), (ACCENT, "white")),
                strict=False,
            )
        ]
        figure.legend(handles=handles, loc="upper center", ncols=2, frameon=False, borderaxespad=0.1)
        picture = io.BytesIO()
        figure.savefig(picture, pil_kwargs={"compress_level": 1})
    picture.seek(0)
    return picture


def _forest_row(axes: Axes, y: int, row: pd.Series[Any], language: Language, *, is_first: bool) -> None:
    """One population of one hypothesis: the difference, its interval and the verdict."""
    verdict = textwrap.wrap(VERDICTS[row["conclusion"]][language], 21, max_lines=2, placeholder="…")
    axes.text(1.03, y, "\n".join(verdict), va="center", transform=axes.get_yaxis_transform(), size=10)
    margin = row["equivalence_margin"]
    if not (is_known(row["difference"]) and is_known(margin) and margin > 0):
        return
    suffix = interval_suffix(row)
    middle, low, high = (
        float(row[column]) / margin
        for column in ("difference", f"difference_low{suffix}", f"difference_high{suffix}")
    )
    colour = f"#{INK if is_first else ACCENT}"
    if abs(middle) > _REACH:
        edge = math.copysign(_REACH, middle)
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", (edge, y), (0.8 * edge, y), arrowprops=arrow)
        return
    axes.hlines(y, max(low, -_REACH), min(high, _REACH), colors=colour, linewidth=2)
    axes.plot([middle], [y], "o", color=colour, markerfacecolor=colour if is_first else "white", markersize=8)
