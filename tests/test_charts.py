"""Every chart is drawn in both languages, whole, with no text cut off or over another one."""

from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bank_segments.charts import draw_charts, figures
from bank_segments.marts import Marts, in_display_order, read_marts
from bank_segments.wording import LANGUAGES, Language, percent
from test_conclusions import CASES, degenerate

NAMES = ["churn_by_trait", "leavers_portrait", "product_count_portraits", "segments", "hypotheses_forest"]
# Pixels at 150 dpi; lines of one paragraph and neighbouring labels may touch, not cover each other.
TOLERANCE = 2.0


@pytest.fixture(scope="module")
def marts(sample_warehouse: Path) -> Marts:
    return read_marts(sample_warehouse)


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
    for (one, box), (two, other) in combinations(boxes.items(), 2):
        across = min(box.x1, other.x1) - max(box.x0, other.x0)
        down = min(box.y1, other.y1) - max(box.y0, other.y0)
        if across > TOLERANCE and down > TOLERANCE:
            found.append(f"over each other: {one.get_text()!r} and {two.get_text()!r}")
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_cut_or_covered(marts: Marts, language: Language) -> None:
    for name, figure in figures(marts, language).items():
        assert faults(figure) == [], name


@pytest.mark.parametrize("case", CASES)
def test_any_input_can_be_drawn(marts: Marts, case: str) -> None:
    for name, figure in figures(in_display_order(dict(degenerate(marts))[case]), "ru").items():
        assert faults(figure) == [], name


def test_many_and_long_levels_keep_their_place(marts: Marts) -> None:
    long = {level: f"{level} — a name far longer than any city has" for level in ("Ярославль", "Рыбинск")}
    levels = marts.dim_trait_levels.assign(label_en=marts.dim_trait_levels["level"].replace(long))
    portrait = marts.fct_churn_portrait
    more = [
        portrait[portrait["trait"] == "city"].assign(level=[f"City {number} of {rows}" for rows in range(3)])
        for number in range(20)
    ]
    many = in_display_order(
        replace(marts, dim_trait_levels=levels, fct_churn_portrait=pd.concat([portrait, *more]))
    )
    drawn = figures(many, "en")
    for name, figure in drawn.items():
        assert faults(figure) == [], name
    assert any("of 63)" in text.get_text() for text in visible_texts(drawn["churn_by_trait"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_of_a_hundred_million_clients_keep_their_place(marts: Marts, language: Language) -> None:
    counts = {"clients", "active_clients", "churned_clients", "n_two_products", "n_one_product"}
    frames = {field.name: getattr(marts, field.name) for field in fields(Marts)}
    many = {
        name: frame.assign(**{column: 10_000 * frame[column] for column in counts & set(frame.columns)})
        for name, frame in frames.items()
    }
    for name, figure in figures(in_display_order(Marts(**many)), language).items():
        assert faults(figure) == [], name


def test_titles_state_the_finding(marts: Marts) -> None:
    for language in LANGUAGES:
        titles = {name: figure.texts[0].get_text() for name, figure in figures(marts, language).items()}
        portrait, segments = marts.fct_churn_portrait, marts.fct_segment_metrics
        highest = portrait.nlargest(1, "churn_rate_low").iloc[0]
        assert percent(highest["churn_rate"], language) in titles["churn_by_trait"]
        named = segments[segments["segment_id"] != "none"].nlargest(1, "churn_rate").iloc[0]
        assert percent(named["churn_rate"], language) in titles["segments"]
        gaps = portrait.assign(gap=portrait["share_of_churned"] - portrait["share_of_active"])
        widest = gaps.nlargest(1, "gap").iloc[0]
        assert percent(widest["share_of_churned"], language) in titles["leavers_portrait"]


def test_a_product_count_without_active_clients_is_named(marts: Marts) -> None:
    metrics = marts.fct_product_count_metrics
    emptied = metrics["product_count"] == metrics["product_count"].max()
    portrait = marts.fct_product_count_portrait
    numbers = marts.fct_product_count_portrait_numbers
    last = metrics["product_count"].max()
    case = replace(
        marts,
        fct_product_count_metrics=metrics.assign(active_clients=metrics["active_clients"].mask(emptied, 0)),
        fct_product_count_portrait=portrait[portrait["product_count"] != last],
        fct_product_count_portrait_numbers=numbers[numbers["product_count"] != last],
    )
    texts = {text.get_text() for text in visible_texts(figures(case, "ru")["product_count_portraits"])}
    assert any("активных нет" in text for text in texts)


def test_groups_differ_without_colour(marts: Marts) -> None:
    markers = {line.get_marker() for line in figures(marts, "en")["product_count_portraits"].axes[0].lines}
    active = (marts.fct_product_count_metrics["active_clients"] > 0).sum()
    assert len(markers - {" ", "None"}) == active


def test_files(marts: Marts, tmp_path: Path) -> None:
    charts = draw_charts(marts, tmp_path / "charts")
    assert [chart.path.name for chart in charts] == [
        f"{name}.{language}.png" for language in LANGUAGES for name in NAMES
    ]
    for chart in charts:
        assert chart.path.name == f"{chart.name}.{chart.language}.png"
        picture = imread(chart.path)
        assert picture.shape[1] == 1950
        assert picture[..., :3].std() > 0
