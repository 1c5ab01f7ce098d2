"""Every chart is drawn in both languages, whole, with what the marts flag and no text cut off or over another one."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bank_segments.marts import Marts
from bank_segments.outputs.charts import chart_style, figures
from bank_segments.words import Language
from output_cases import ODD, covering, odd_marts

NAMES = [
    "churn_by_trait",
    "leavers_portrait",
    "churn_drivers",
    "product_count_portraits",
    "segments",
    "segment_candidates",
    "hypotheses_forest",
    "retention_tornado",
    "pilot_power",
]
# Pixels at 150 dpi; lines of one paragraph and neighbouring labels may touch, not cover each other.
TOLERANCE = 2.0


@pytest.fixture(autouse=True)
def _in_the_style_of_the_charts() -> Iterator[None]:
    with chart_style():
        yield


def visible_texts(figure: Figure) -> dict[Text, Bbox]:
    """Every text that is drawn, with the pixels it takes: tick labels outside their axis are not."""
    figure.draw_without_rendering()
    unused = set()
    for axis in figure.findobj(Axis):
        assert isinstance(axis, Axis)
        low, high = sorted(axis.get_view_interval())
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]:
            if not low - 1e-9 <= tick.get_loc() <= high + 1e-9:
                unused |= {tick.label1, tick.label2}
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text not in unused]
    shown = [text for text in texts if text.get_visible() and text.get_text().strip()]
    return {text: text.get_window_extent() for text in shown}


def faults(figure: Figure) -> list[str]:
    """Texts outside the canvas, texts without their number, and pairs of texts that cover each other."""
    boxes = visible_texts(figure)
    width, height = figure.bbox.width, figure.bbox.height
    found = [
        f"cut: {text.get_text()!r}"
        for text, box in boxes.items()
        if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height
    ]
    found += [text.get_text() for text in boxes if "nan" in text.get_text().split()]
    found += covering([(text.get_text(), box.extents) for text, box in boxes.items()], TOLERANCE)
    return found


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in visible_texts(figure)}


def drawn(marts: Marts, language: Language = "en") -> dict[str, Figure]:
    """Every chart, without a fault."""
    found = figures(marts, language)
    assert {name: wrong for name, figure in found.items() if (wrong := faults(figure))} == {}
    return found


@pytest.fixture(scope="module")
def english(marts: Marts) -> Iterator[dict[str, Figure]]:
    """The charts of the sample."""
    with chart_style():
        yield drawn(marts)


def test_all_charts_are_drawn_in_both_languages(marts: Marts, english: dict[str, Figure]) -> None:
    assert list(english) == list(drawn(marts, "ru")) == NAMES


@pytest.mark.parametrize("case", ODD)
def test_any_input_can_be_drawn(marts: Marts, case: str) -> None:
    drawn(odd_marts(marts)[case], "ru")


def test_many_long_levels_of_a_hundred_million_clients_keep_their_place(marts: Marts) -> None:
    long = {level: f"{level} — a name far longer than any city has" for level in ("Ярославль", "Рыбинск")}
    cities = marts.fct_churn_portrait.query("trait == 'city'")
    more = pd.concat([cities] * 20).assign(level=[f"City {row}" for row in range(60)], clients_rank=range(4, 64))
    frames = {field.name: getattr(marts, field.name) for field in fields(Marts)}
    frames["dim_trait_levels"] = marts.dim_trait_levels.assign(label_en=marts.dim_trait_levels["level"].replace(long))
    frames["fct_churn_portrait"] = pd.concat([cities, more, marts.fct_churn_portrait.drop(cities.index)])
    effects = marts.fct_churn_driver_levels
    city = effects.query("trait == 'city' and not is_reference").head(1)
    frames["fct_churn_driver_levels"] = pd.concat([effects, *(city.assign(level=level) for level in more["level"])])
    counts = {"clients", "active_clients", "churned_clients", "first_group_clients", "second_group_clients"}
    many = {
        name: frame.assign(**{column: 10_000 * frame[column] for column in counts & set(frame.columns)})
        for name, frame in frames.items()
    }
    figures = drawn(Marts(**many))
    assert "City (largest 12 of 63)" in texts(figures["churn_by_trait"])
    for name in ("churn_by_trait", "churn_drivers"):
        cities_shown = {text for text in texts(figures[name]) if re.fullmatch(r"City \d+", text)}
        assert cities_shown == {f"City {row}" for row in range(9)}, name


def test_what_is_too_small_is_not_drawn(marts: Marts, english: dict[str, Figure]) -> None:
    """Every cell that a mart shows has its marker, and no other has; a hidden segment and product count have a note."""
    cells = marts.fct_product_count_portrait
    columns = english["product_count_portraits"].axes[:3]
    shares = sorted(x for axes in columns for line in axes.lines for x in np.asarray(line.get_xdata()))
    assert shares == sorted(cells.query("not is_too_small")["share"])
    assert len(shares) < len(cells)

    first = [True] + [False] * (len(marts.fct_segment_metrics) - 1)
    metrics = marts.fct_product_count_metrics.astype({"active_clients_rank": float})
    metrics.loc[0, ["active_clients", "active_clients_rank"]] = 0, np.nan
    metrics.loc[1, ["active_clients_rank", "is_too_small"]] = np.nan, True
    case = figures(
        replace(
            marts,
            fct_segment_metrics=marts.fct_segment_metrics.assign(is_too_small=first),
            fct_churn_portrait=marts.fct_churn_portrait.assign(is_too_small=True),
            fct_churn_portrait_numbers=marts.fct_churn_portrait_numbers.assign(is_too_small=True),
            fct_product_count_metrics=metrics,
        ),
        "en",
    )
    bars = [bar.get_y() for bar in case["segments"].axes[0].patches if isinstance(bar, Rectangle)]
    assert bars == [row - 0.25 for row in range(1, len(first))]
    assert "hidden for small groups" in texts(case["segments"])
    for name in ("churn_by_trait", "leavers_portrait"):
        assert not case[name].axes[0].patches
        assert len(case[name].axes) == 1
    said = " ".join(texts(case["product_count_portraits"]))
    assert "1\u00a0product: none active; 2\u00a0products: hidden for small groups" in said
    assert not re.search(r"[12]\u00a0products?, n", said)


def test_groups_differ_without_colour_and_none_is_left_out(marts: Marts) -> None:
    def eight(frame: pd.DataFrame) -> pd.DataFrame:
        first = frame[frame["product_count"] == 1].drop(columns="product_count")
        return pd.DataFrame({"product_count": range(1, 9)}).merge(first, how="cross")

    names = [field.name for field in fields(Marts) if field.name.startswith("fct_product_count")]
    many = replace(marts, **{name: eight(getattr(marts, name)) for name in names})
    figure = figures(many, "en")["product_count_portraits"]
    lines = figure.axes[0].lines
    assert len({(line.get_marker(), line.get_markerfacecolor()) for line in lines}) == 6
    assert len([line for line in lines if len(np.asarray(line.get_xdata()))]) == 8
    assert faults(figure) == []


def test_the_tornado_reaches_from_the_central_profit_to_each_end(marts: Marts) -> None:
    """Bar by bar; a proposal for too few clients has no panel."""
    proposals = marts.fct_retention_proposals
    hidden = proposals["proposal_id"] == "retention_call"
    case = replace(
        marts, fct_retention_proposals=proposals.assign(proposal_rank=proposals["proposal_rank"].mask(hidden))
    )
    figure = figures(case, "en")["retention_tornado"]
    bars = [
        [bar.get_x(), bar.get_x() + bar.get_width()]
        for axes in figure.axes
        for bar in axes.patches
        if isinstance(bar, Rectangle)
    ]
    central = marts.fct_retention_economics.query("scenario == 'central'")[["proposal_id", "profit"]]
    rows = marts.fct_retention_sensitivity.merge(central).query("proposal_id != 'retention_call'")
    ends = np.concatenate([rows[["profit", f"profit_{end}"]].to_numpy() for end in ("low", "high")])
    assert sum(bool(axes.patches) for axes in figure.axes) == 3
    assert np.array(sorted(bars)) == pytest.approx(np.array(sorted(ends.tolist())), abs=1e-3)
    assert faults(figure) == []


def test_offers_of_two_segments_may_have_the_same_name(marts: Marts, english: dict[str, Figure]) -> None:
    """As `proposals.csv` allows, whose key is both."""
    shared = {
        field.name: frame.assign(proposal_id="call")
        for field in fields(Marts)
        if "proposal_id" in (frame := getattr(marts, field.name)).columns
    }
    case = figures(replace(marts, **shared), "en")
    for name in ("retention_tornado", "pilot_power"):
        one, two = (
            [np.asarray(line.get_xdata()).tolist() for axes in each[name].axes for line in axes.lines]
            for each in (english, case)
        )
        assert one == two
