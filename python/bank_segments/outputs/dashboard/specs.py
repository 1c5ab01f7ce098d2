"""The dashboard's Vega-Lite charts, made by Altair once for both languages.

A specification holds no number and no word: the page's script feeds the data set `rows`, with every label as text in
the page's language. Bars answer to clicks over their whole row, so that a rate of nought can be clicked, too.

Colours are of Okabe and Ito's palette; the two that meet in one chart also differ in lightness. Field names:
`level` is the identifier, `label` its name, `strength` the opacity, `text` the number beside a bar.
"""

from __future__ import annotations

from typing import Any

import altair as alt

BLUE, ORANGE, SKY, INK = "#0072B2", "#E69F00", "#56B4E9", "#1b1b1b"
PALETTE = (BLUE, ORANGE, "#000000", "#009E73", "#CC79A7", "#D55E00", SKY, "#8C6D00")
SYMBOLS = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
GLYPHS = ("●", "■", "▲", "◆", "✚", "▼", "▶", "◀")  # the symbols, as the legend writes them

# A long name of an age band goes on two lines.
_TWO_LINES = r"length(datum.label) > 6 ? split(replace(datum.label, ' ', '\n'), '\n') : datum.label"

Spec = dict[str, Any]
Layers = alt.LayerChart | alt.FacetChart


def specifications() -> dict[str, Spec]:
    """Every kind of chart by name."""
    return {
        "rate": _finished(_rate_layers()),
        "counts": _finished(_count_layers()),
        "coverage": _finished(_coverage_layers()),
        "curve": _curve(),
    }


def _rows() -> alt.Chart:
    return alt.Chart(alt.NamedData("rows"))


def _in_order(field: str) -> alt.EncodingSortField:
    """The page's own order, also where a level without clients has no rate."""
    return alt.EncodingSortField(field=field, op="min")


def _row_axis() -> alt.Y:
    return alt.Y(
        "label:N",
        sort=_in_order("level"),
        title=None,
        axis=alt.Axis(domain=False, ticks=False, labelPadding=6),
        scale=alt.Scale(paddingInner=0.28, paddingOuter=0.14),
    )


def _share_axis() -> alt.Axis:
    return _number_axis(".0%")


def _number_axis(number_format: str) -> alt.Axis:
    return alt.Axis(
        format=number_format,
        tickCount=4,
        domain=False,
        ticks=False,
        gridColor="#e6e6e6",
        labelOverlap="parity",
        labelSeparation=6,
    )


def _strength() -> alt.Opacity:
    return alt.Opacity("strength:Q", scale=None, legend=None)


def _beside() -> alt.Chart:
    """The number to the right of each bar."""
    mark = _rows().mark_text(align="left", dx=6, fontSize=12, color=INK)
    encoded: alt.Chart = mark.encode(y=_row_axis(), x=alt.value("width"), text="text:N")
    return encoded


def _clickable() -> alt.Chart:
    """A transparent bar over the whole row."""
    mark = _rows().mark_bar(color="transparent", cursor="pointer", aria=False)
    encoded: alt.Chart = mark.encode(y=_row_axis(), x=alt.value(0), x2=alt.value("width"), tooltip="tip:N")
    return encoded


def _interval() -> alt.Chart:
    mark = _rows().mark_rule(color=INK, strokeWidth=1.6, aria=False)
    encoded: alt.Chart = mark.encode(y=_row_axis(), x="low:Q", x2="high:Q", opacity=_strength())
    return encoded


def _reference(field: str) -> alt.Chart:
    """Where the same level stands without any filter."""
    mark = _rows().mark_point(shape="diamond", filled=False, size=60, color=INK, strokeWidth=1.6, aria=False)
    encoded: alt.Chart = mark.encode(y=_row_axis(), x=f"{field}:Q")
    return encoded


def _rate_layers() -> Layers:
    bars = _rows().mark_bar(color=ORANGE, aria=False)
    average = _rows().mark_rule(color="#555555", strokeDash=[4, 3], aria=False)
    return alt.layer(
        bars.encode(y=_row_axis(), x=alt.X("rate:Q", title=None, axis=_share_axis()), opacity=_strength()),
        average.encode(x="average:Q"),
        _interval(),
        _reference("bank"),
        _beside(),
        _clickable(),
    )


def _count_layers() -> Layers:
    stayed = _rows().mark_bar(color=BLUE, aria=False)
    churned = _rows().mark_bar(color=ORANGE, aria=False)
    return alt.layer(
        stayed.encode(
            y=_row_axis(), x=alt.X("stayed:Q", title=None, axis=_number_axis(",d")), opacity=_strength()
        ),
        churned.encode(y=_row_axis(), x="stayed:Q", x2="clients:Q", opacity=_strength()),
        _beside(),
        _clickable(),
    )


def _coverage_layers() -> Layers:
    bars = _rows().mark_bar(color=SKY, aria=False)
    return alt.layer(
        bars.encode(y=_row_axis(), x=alt.X("share:Q", title=None, axis=_share_axis()), opacity=_strength()),
        _reference("bank_share"),
        _beside(),
        _clickable(),
    )


def _curve() -> Spec:
    """Churn rate by age band, one line for each city, with its own symbol."""
    x = alt.X(
        "band:N",
        sort=_in_order("band_order"),
        title=None,
        axis=alt.Axis(
            labelAngle=0, labelOverlap=False, domainColor="#999999", ticks=False, labelExpr=_TWO_LINES
        ),
    )
    y = alt.Y("rate:Q", title=None, axis=_share_axis())
    colour = alt.Color("colour:N", scale=None, legend=None)
    offset = alt.XOffset("city:N", sort=_in_order("level"), scale=alt.Scale(paddingOuter=1))
    lines = (
        _rows()
        .mark_line(strokeWidth=2, aria=False)
        .encode(x=x, xOffset=offset, y=y, detail="city:N", color=colour)
    )
    whiskers = _rows().mark_rule(strokeWidth=1.4, aria=False)
    points = _rows().mark_point(filled=True, size=90, opacity=1, aria=False)
    targets = _rows().mark_point(filled=True, size=420, color="transparent", cursor="pointer", aria=False)
    chart = alt.layer(
        lines,
        whiskers.encode(x=x, xOffset=offset, y="low:Q", y2="high:Q", color=colour, opacity=_strength()),
        points.encode(
            x=x,
            xOffset=offset,
            y=y,
            color=colour,
            opacity=_strength(),
            shape=alt.Shape("symbol:N", scale=None, legend=None),
        ),
        targets.encode(x=x, xOffset=offset, y=y, tooltip="tip:N"),
    )
    return _dictionary(chart.properties(width="container", height=300), right=8)


def _finished(chart: Layers) -> Spec:
    return _dictionary(chart.properties(width="container", height=alt.Step(30)), right=8)


def _dictionary(chart: Layers, right: int) -> Spec:
    styled = (
        chart.properties(
            padding={"left": 2, "top": 4, "right": right, "bottom": 2},
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            background="transparent",
        )
        .configure(font="system-ui, sans-serif")
        .configure_view(stroke=None)
        .configure_axis(labelFontSize=12, labelColor=INK)
    )
    spec: Spec = styled.to_dict()
    return spec
