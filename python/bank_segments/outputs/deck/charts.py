"""The deck's charts: native ones that PowerPoint can edit, with interval bars, and a picture where it cannot.

python-pptx draws no error bars, and writes a text that begins with `=` into the chart's workbook as a formula;
so the workbook is written here. Colours are those of the template's theme.
"""

import io
import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_MARKER_STYLE,
    XL_TICK_LABEL_POSITION,
    XL_TICK_MARK,
)
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Emu, Pt
from xlsxwriter import Workbook

from bank_segments.outputs.deck.sources import text_of
from bank_segments.words import Language, Words, rounded

COLOURS = {
    "strong": MSO_THEME_COLOR.ACCENT_1,
    "accent": MSO_THEME_COLOR.ACCENT_2,
    "light": MSO_THEME_COLOR.ACCENT_3,
    "grey": MSO_THEME_COLOR.ACCENT_4,
    "pale": MSO_THEME_COLOR.ACCENT_5,
}

_SIZE = Pt(12)
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
    """A value of a chart and the ends of its interval, None where there are none; its text, and where all are from."""

    text: str
    source: str
    value: float | None
    lower: float | None
    upper: float | None
    colour: str

    @property
    def lengths(self) -> tuple[float | None, float | None]:
        """How far the interval reaches below and above the value."""
        if self.value is None or self.lower is None or self.upper is None:
            return None, None
        return self.value - self.lower, self.upper - self.value


@dataclass(frozen=True)
class Series:
    """One group of a chart with a point for each category; a limit is drawn as a dash."""

    name: str
    points: Sequence[Point]
    colour: str
    is_limit: bool

    @property
    def values(self) -> list[float | None]:
        """The values to draw."""
        return [point.value for point in self.points]

    @property
    def intervals(self) -> tuple[list[float | None], list[float | None]] | None:
        """The lengths of the interval bars, below and above; None where there are none."""
        below, above = ([point.lengths[side] for point in self.points] for side in (0, 1))
        return (below, above) if any(each is not None for each in below) else None


@dataclass(frozen=True)
class Chart:
    """What a `<chart>` of the template says."""

    kind: str
    title: str
    has_axis: bool
    categories: list[str]
    series: list[Series]

    @property
    def ends(self) -> list[float]:
        """How far all values and intervals reach."""
        points = (point for each in self.series for point in each.points)
        ends = (end for point in points for end in (point.value, point.lower, point.upper))
        return [end for end in ends if end is not None]


def chart_of(said: Element) -> Chart | None:
    """The chart that an element says; None where it has nothing to show."""
    # Viewers round the ends of doubles differently: a fraction comes to them as its label shows it.
    decimals = 3 if said.attrib["kind"] in ("column", "bar") else None
    points = [[_point(each, decimals) for each in category.iterfind("point")] for category in said.iterfind("category")]
    if not any(points):
        return None
    series = [
        Series(text_of(each), column, each.get("colour", ""), each.get("is_limit") == "true")
        for each, column in zip(said.iterfind("series"), zip(*points, strict=True), strict=True)
    ]
    categories = [text_of(name) for name in said.iterfind("category/name")]
    has_axis = said.get("axis") != "none"
    return Chart(said.attrib["kind"], said.get("title", ""), has_axis, categories, series)


def _point(said: Element, decimals: int | None) -> Point:
    value, lower, upper = (float(end) if (end := said.get(name)) else None for name in ("value", "lower", "upper"))
    if value is not None and decimals is not None:
        value = float(rounded(value, decimals))
    return Point(said.text or "", said.get("of", ""), value, lower, upper, said.get("colour", ""))


@dataclass(frozen=True)
class Axis:
    """How the values are written and how far their axis reaches."""

    number_format: str
    tick_format: str
    minimum: float
    maximum: float
    step: float


def _percent_axis(language: Language, said: Chart) -> Axis:
    """An axis of fractions from 0 up to the next tenth above all values and intervals; one more for labels alone."""
    highest = max(said.ends, default=1.0) + (0 if said.has_axis else 0.1)
    sign = "%" if language == "en" else f'"{chr(160)}"%'
    top = min(math.ceil(round(10 * highest, 9)), 10) / 10 or 0.1
    code = _LOCALES[language]
    return Axis(f"{code}0.0{sign}", f"{code}0{sign}", 0, top, 0.1 if top <= 0.5 else 0.2)


def _axis_around(language: Language, said: Chart) -> Axis:
    """An axis with about six round steps that holds 0 and all ends; viewers leave no room for intervals."""
    low, high = min([0.0, *said.ends]), max([0.0, *said.ends])
    rough = (high - low) / 6 or 1.0
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * digit for digit in (1, 2, 5, 10) if magnitude * digit >= rough)
    digits = "#,##0" if step >= 1 else "0." + "0" * -math.floor(math.log10(step))
    # With the minus sign of the texts, not a hyphen.
    form = f'{_LOCALES[language]}{digits};{_LOCALES[language]}"−"{digits}'
    return Axis(form, form, step * math.floor(low / step), step * math.ceil(high / step), step)


def native_chart(place: Any, said: Chart, words: Words) -> Any:
    """An editable chart in the placeholder `place`; returns its frame.

    Kinds are `column`, `bar` (with the first category on top), both of fractions, and `marker`.
    """
    series, is_line = said.series, said.kind == "marker"
    axis = (_axis_around if is_line else _percent_axis)(words.language, said)
    data = CategoryChartData(axis.number_format)
    data.categories = said.categories
    for each in series:
        data.add_series(each.name, each.values)
    frame = place.insert_chart(_KINDS[said.kind], data)
    chart = frame.chart
    chart.part.chart_workbook.update_from_xlsx_blob(_workbook(words, said, axis.number_format))
    chart.font.size = _SIZE
    chart.has_title = bool(said.title)
    if said.title:
        chart.chart_title.text_frame.text = said.title
        chart.chart_title.text_frame.paragraphs[0].runs[0].font.size = Pt(14)
    _legend(chart, series)
    _axes(chart, said, axis)
    plot = chart.plots[0]
    if not is_line:
        plot.gap_width, plot.overlap = 45 if len(series) == 1 else 60, -5
    column = 1 + len(series)
    for each, drawn in zip(series, plot.series, strict=True):
        (_as_markers if is_line else _as_bars)(drawn, each, axis)
        for position, point in enumerate(each.points):
            if point.colour:
                _fill(drawn.points[position].format, point.colour)
        if each.intervals:
            _error_bars(drawn, each.intervals, column, is_line=is_line)
            column += 2
    return frame


def _fill(part: Any, colour: str) -> None:
    part.fill.solid()
    part.fill.fore_color.theme_color = COLOURS[colour]


def _workbook(words: Words, said: Chart, number_format: str) -> bytes:
    """Categories, a column per series, then the columns of the interval bars; every text stays a text."""
    _ = words.gettext
    columns = [(each.name, each.values) for each in said.series]
    for each in said.series:
        if each.intervals:
            bounds = (_("down to the low end"), _("up to the high end"))
            columns += zip(bounds, each.intervals, strict=True)
    content = io.BytesIO()
    with Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"created": _CREATED})
        sheet = workbook.add_worksheet("Sheet1")
        shown = workbook.add_format({"num_format": number_format})
        for row, category in enumerate(said.categories, start=1):
            sheet.write_string(row, 0, category)
        for column, (name, values) in enumerate(columns, start=1):
            sheet.write_string(0, column, name)
            for row, value in enumerate(values, start=1):
                if value is not None:
                    sheet.write_number(row, column, value, shown)
    return content.getvalue()


def _error_bars(drawn: Any, lengths: Iterable[list[float | None]], column: int, *, is_line: bool) -> None:
    """Interval bars that read their lengths from the workbook, so that they follow when it is edited."""
    below, above = (_reference(each, column + offset) for offset, each in enumerate(lengths))
    direction = '<c:errDir val="y"/>' if is_line else ""
    bars = parse_xml(
        f"<c:errBars {nsdecls('c', 'a')}>{direction}"
        '<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="0"/>'
        f"<c:plus>{above}</c:plus><c:minus>{below}</c:minus>"
        '<c:spPr><a:ln w="19050"><a:solidFill><a:schemeClr val="tx1"/></a:solidFill></a:ln></c:spPr>'
        "</c:errBars>"
    )
    drawn._element.find("{*}cat").addprevious(bars)


def _reference(lengths: list[float | None], column: int) -> str:
    letter, last = chr(ord("A") + column), len(lengths) + 1
    points = "".join(
        f'<c:pt idx="{row}"><c:v>{length!r}</c:v></c:pt>' for row, length in enumerate(lengths) if length is not None
    )
    return (
        f"<c:numRef><c:f>Sheet1!${letter}$2:${letter}${last}</c:f><c:numCache>"
        f'<c:formatCode>General</c:formatCode><c:ptCount val="{len(lengths)}"/>{points}</c:numCache></c:numRef>'
    )


def _legend(chart: Any, series: Sequence[Series]) -> None:
    """A legend above the chart where there are several series; of the limits it names the first."""
    chart.has_legend = len(series) > 1
    if not chart.has_legend:
        return
    chart.legend.position = XL_LEGEND_POSITION.TOP
    chart.legend.include_in_layout = False
    chart.legend.font.size = _SIZE
    limits = [position for position, each in enumerate(series) if each.is_limit]
    for position in limits[1:]:
        entry = f'<c:legendEntry {nsdecls("c")}><c:idx val="{position}"/><c:delete val="1"/></c:legendEntry>'
        chart.legend._element.find("{*}legendPos").addnext(parse_xml(entry))


def _axes(chart: Any, said: Chart, axis: Axis) -> None:
    names, values = chart.category_axis, chart.value_axis
    names.format.line.color.theme_color = COLOURS["grey"]
    names.major_tick_mark = values.major_tick_mark = XL_TICK_MARK.NONE
    names.tick_labels.font.size = _SIZE
    values.minimum_scale, values.maximum_scale, values.major_unit = axis.minimum, axis.maximum, axis.step
    values.format.line.fill.background()
    values.has_major_gridlines = said.has_axis
    if said.has_axis:
        line = values.major_gridlines.format.line.color
        line.theme_color, line.brightness = COLOURS["grey"], 0.7
        values.tick_labels.font.size = _SIZE
        values.tick_labels.number_format, values.tick_labels.number_format_is_linked = axis.tick_format, False
    else:
        values.tick_label_position = XL_TICK_LABEL_POSITION.NONE
    if said.kind == "bar":
        names.reverse_order = True
        # With the categories turned round, the values would stand above them.
        values._element.find("{*}crosses").set("val", "max")
    if said.kind == "marker":
        names.tick_label_position = XL_TICK_LABEL_POSITION.LOW


def _as_bars(drawn: Any, each: Series, axis: Axis) -> None:
    _fill(drawn.format, each.colour)
    drawn.format.line.color.theme_color, drawn.format.line.width = COLOURS["strong"], Pt(0.75)
    drawn.invert_if_negative = False
    labels = drawn.data_labels
    labels.show_value = True
    labels.number_format, labels.number_format_is_linked = axis.number_format, False
    # An interval bar stands where a label outside the end would: there the label goes to the foot of the bar.
    labels.position = XL_LABEL_POSITION.INSIDE_BASE if each.intervals else XL_LABEL_POSITION.OUTSIDE_END
    labels.font.size, labels.font.bold = _SIZE, each.intervals is not None
    if each.intervals:
        # Of a short bar the foot reaches under the interval bar.
        ground = f'<c:spPr {nsdecls("c", "a")}><a:solidFill><a:schemeClr val="bg1"/></a:solidFill></c:spPr>'
        labels._element.find("{*}numFmt").addnext(parse_xml(ground))


def _as_markers(drawn: Any, each: Series, axis: Axis) -> None:
    drawn.smooth = False
    drawn.format.line.fill.background()
    marker = drawn.marker
    marker.style = XL_MARKER_STYLE.DASH if each.is_limit else XL_MARKER_STYLE.CIRCLE
    marker.size = 30 if each.is_limit else 11
    _fill(marker.format, each.colour)
    marker.format.line.color.theme_color = COLOURS[each.colour]


def forest_picture(place: Any, said: Chart, words: Words) -> Any:
    """Intervals in units of a margin over its band, which no native chart can draw, in the placeholder `place`.

    The text of a point stands beside it, of a point without a value alone; the chart's title stands below. What lies
    further out than the picture reaches is drawn as an arrow. Returns the picture.
    """
    size = Emu(place.width).inches, Emu(place.height).inches
    looks = (("#12355B", "#12355B"), ("#C8501E", "white"), ("#1B1B1B", "#CCCCCC"))
    with rc_context({"font.family": "DejaVu Sans", "font.size": 11, "text.parse_math": False}):
        figure = Figure(figsize=size, dpi=150, facecolor="white", layout="constrained")
        axes = figure.subplots()
        axes.axvspan(-1, 1, color="#e4e4e4", zorder=0)
        axes.axvline(0, color="#12355B", linewidth=1, zorder=1)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0)
        y, middles = 0, []
        for points in zip(*(each.points for each in said.series), strict=True):
            start = y
            if start:
                axes.axhline(start - 0.5, color="#cccccc", linewidth=0.8)
            for point, look in zip(points, looks, strict=False):
                if point.text:
                    _forest_row(axes, y, point, *look)
                    y += 1
            middles.append((start + y - 1) / 2)
        axes.set(xlim=(-_REACH, _REACH), ylim=(y - 0.4, -0.6))
        axes.set_yticks(middles, [_wrapped(category, 22, 3) for category in said.categories])
        axes.grid(visible=True, axis="x", color="#dddddd")
        axes.set_axisbelow(True)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _position: words.number(x)))
        figure.supxlabel(_wrapped(said.title, 75, 4), size=11, color="#595959")
        handles = [
            axes.plot([], [], "o", color=colour, markerfacecolor=fill, label=each.name)[0]
            for each, (colour, fill) in zip(said.series, looks, strict=False)
        ]
        # Names that are too long for a line stand below one another.
        is_short = sum(len(each.name) for each in said.series) < 50
        columns = len(handles) if is_short else 1
        figure.legend(handles=handles, loc="outside upper center", ncols=columns, frameon=False)
        picture = io.BytesIO()
        figure.savefig(picture, pil_kwargs={"compress_level": 1})
    picture.seek(0)
    return place.insert_picture(picture)


def _wrapped(text: str, characters: int, lines: int) -> str:
    return "\n".join(textwrap.wrap(text, characters, max_lines=lines, placeholder="…"))


def _forest_row(axes: Axes, y: int, point: Point, colour: str, fill: str) -> None:
    """The difference, its interval and the verdict beside them."""
    axes.text(1.03, y, _wrapped(point.text, 21, 2), va="center", transform=axes.get_yaxis_transform(), size=10)
    if point.value is None or point.lower is None or point.upper is None:
        return
    axes.hlines(y, max(point.lower, -_REACH), min(point.upper, _REACH), colors=colour, linewidth=2)
    if point.lower < -_REACH:
        axes.plot([-_REACH], [y], "<", color=colour, markersize=8, clip_on=False)
    if point.upper > _REACH:
        axes.plot([_REACH], [y], ">", color=colour, markersize=8, clip_on=False)
    if abs(point.value) <= _REACH:
        axes.plot([point.value], [y], "o", color=colour, markerfacecolor=fill, markersize=8)
