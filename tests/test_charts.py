"""Every chart is drawn in both languages, whole, with what the marts flag and no text cut off or over another one."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bank_segments.marts import Marts, read_marts
from bank_segments.outputs.charts import chart_style, draw_charts, figures
from bank_segments.words import LANGUAGES, Language, words_of
from conftest import SAMPLE, dbt
from test_conclusions import CASES, degenerate

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


def titles(marts: Marts, language: Language = "en") -> dict[str, str]:
    return {name: figure.get_suptitle() for name, figure in figures(marts, language).items()}


def texts(figure: Figure) -> set[str]:
    return {text.get_text() for text in visible_texts(figure)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_cut_or_covered(marts: Marts, language: Language) -> None:
    for name, figure in figures(marts, language).items():
        assert faults(figure) == [], name


@pytest.mark.parametrize("case", CASES)
def test_any_input_can_be_drawn(marts: Marts, case: str) -> None:
    for name, figure in figures(dict(degenerate(marts))[case], "ru").items():
        assert faults(figure) == [], name


def test_many_and_long_levels_keep_their_place(marts: Marts) -> None:
    long = {level: f"{level} — a name far longer than any city has" for level in ("Ярославль", "Рыбинск")}
    levels = marts.dim_trait_levels.assign(label_en=marts.dim_trait_levels["level"].replace(long))
    portrait = marts.fct_churn_portrait
    cities = portrait[portrait["trait"] == "city"]
    more = pd.concat([cities] * 20).assign(
        level=[f"City {row}" for row in range(60)], clients_rank=range(4, 64)
    )
    many = replace(
        marts,
        dim_trait_levels=levels,
        fct_churn_portrait=pd.concat([cities, more, portrait.drop(cities.index)]),
    )
    drawn = figures(many, "en")
    for name, figure in drawn.items():
        assert faults(figure) == [], name
    shown = texts(drawn["churn_by_trait"])
    assert "City (largest 12 of 63)" in shown
    assert {text for text in shown if text.startswith("City ") and "largest" not in text} == {
        f"City {row}" for row in range(9)
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_of_a_hundred_million_clients_keep_their_place(marts: Marts, language: Language) -> None:
    counts = {"clients", "active_clients", "churned_clients", "first_group_clients", "second_group_clients"}
    frames = {field.name: getattr(marts, field.name) for field in fields(Marts)}
    many = {
        name: frame.assign(**{column: 10_000 * frame[column] for column in counts & set(frame.columns)})
        for name, frame in frames.items()
    }
    for name, figure in figures(Marts(**many), language).items():
        assert faults(figure) == [], name


def test_titles_follow_the_ranks_of_the_marts(marts: Marts) -> None:
    """Against the figures: what a mart ranks first is named, however low it is."""
    words = words_of(marts, "en")
    portrait, cells, segments = (
        marts.fct_churn_portrait,
        marts.fct_product_count_portrait,
        marts.fct_segment_metrics,
    )

    low, rare = portrait.nsmallest(1, "churn_rate_high"), portrait.nsmallest(1, "share_of_churned")
    least = segments[segments["segment_id"] != "none"].nsmallest(1, "churn_rate")
    pair = cells[(cells["level"] == cells["level"].iloc[0]) & (cells["product_count"] <= 2)]

    def first(frame: pd.DataFrame, chosen: pd.DataFrame) -> Any:
        return np.where(frame.index.isin(chosen.index), 1, np.nan)

    ranks = {"standout_rank": first(portrait, low), "share_difference_rank": first(portrait, rare)}
    case = replace(
        marts,
        fct_churn_portrait=portrait.assign(**ranks),
        fct_product_count_portrait=cells.assign(share_difference_rank=first(cells, pair)),
        fct_segment_metrics=segments.assign(churn_rate_rank=first(segments, least), is_clear_of_next=True),
    )
    told = titles(case)
    for name, row, columns in (
        ("churn_by_trait", low.iloc[0], ["churn_rate", "bank_churn_rate"]),
        ("leavers_portrait", rare.iloc[0], ["share_of_churned", "share_of_active"]),
        ("product_count_portraits", pair.iloc[0], ["share"]),
        ("product_count_portraits", pair.iloc[1], ["share"]),
    ):
        assert f"“{words.trait_level(row['trait'], row['level'])}”" in told[name]
        assert all(f"{100 * row[column]:.1f}%" in told[name] for column in columns), name
    (named,) = least.merge(marts.dim_segments)["name_en"]
    rate = f"{100 * least['churn_rate'].iloc[0]:.1f}%"
    assert f"Churn is highest in the segment “{named}”: {rate}" in told["segments"]
    unclear = replace(case, fct_segment_metrics=case.fct_segment_metrics.assign(is_clear_of_next=False))
    assert f"No segment clearly has the highest churn: “{named}” has {rate}" in titles(unclear)["segments"]

    results = marts.fct_hypothesis_results
    steady = titles(replace(marts, fct_hypothesis_results=results.assign(is_flipped=False)))
    assert steady["hypotheses_forest"] == "The answers are the same for every population"
    at = results.index[results["is_primary"]][-1]
    flipped = results.assign(is_flipped=results.index == at)
    metric = marts.dim_hypotheses.set_index("hypothesis_id")["metric_en"][results["hypothesis_id"][at]]
    told = titles(replace(marts, fct_hypothesis_results=flipped))
    assert told["hypotheses_forest"] == f"The answer depends on who is compared: “{metric}”"


NEUTRAL = {
    "churn_by_trait": "Churn rate",
    "leavers_portrait": "Churned and active clients",
    "churn_drivers": "With all else equal no trait is shown to matter for churn",
    "product_count_portraits": "Share of the group's clients",
    "segments": "Segments",
    "segment_candidates": "No segment was found beside the bank’s own",
    "hypotheses_forest": "What the hypotheses showed",
    "retention_tornado": "Profit of the proposals",
    "pilot_power": "There is no pilot to plan",
}


@pytest.mark.parametrize(
    ("clients", "without_finding"),
    [
        (
            "select * replace (0 as Churn) from {} limit 300",
            {
                "churn_by_trait",
                "leavers_portrait",
                "churn_drivers",
                "segments",
                "segment_candidates",
                "pilot_power",
            },
        ),
        ("select * replace (1 as Churn, 1 as Products) from {} limit 300", set(NEUTRAL)),
        ("from {} limit 1", set(NEUTRAL)),
    ],
    ids=["nobody left", "everybody left and had one product", "one client"],
)
def test_a_title_claims_nothing_where_nothing_stands_out(
    clients: str, without_finding: set[str], tmp_path: Path
) -> None:
    """On marts that dbt built from such a file, not on changed ones."""
    file = tmp_path / "clients.csv"
    duckdb.sql(f"copy ({clients.format(repr(str(SAMPLE)))}) to '{file}'")
    kinds = ("--resource-type", "seed", "--resource-type", "model")
    run = dbt("build", *kinds, clients=file, target=tmp_path)
    assert run.returncode == 0, run.stdout
    marts = read_marts(tmp_path / "bank.duckdb")
    told = titles(marts)
    assert {name for name in NEUTRAL if told[name] == NEUTRAL[name]} == without_finding
    assert not any(re.search(r"\b0\.0%", title) for title in told.values())
    for language in LANGUAGES:
        for name, figure in figures(marts, language).items():
            assert faults(figure) == [], name


def test_what_is_too_small_is_not_drawn(marts: Marts, sample_warehouse: Path) -> None:
    """Every cell that a mart shows has its marker, and no other has; a hidden segment and product count have a note."""
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        shown = connection.sql(
            "select share from marts.fct_product_count_portrait where not is_too_small order by share"
        ).fetchall()
    drawn = figures(marts, "en")["product_count_portraits"].axes[:3]
    shares = sorted(x for axes in drawn for line in axes.lines for x in np.asarray(line.get_xdata()))
    assert shares == [share for (share,) in shown]
    assert len(shown) < len(marts.fct_product_count_portrait)

    first = [True] + [False] * (len(marts.fct_segment_metrics) - 1)
    case = replace(
        marts,
        fct_segment_metrics=marts.fct_segment_metrics.assign(is_too_small=first),
        fct_churn_portrait=marts.fct_churn_portrait.assign(is_too_small=True),
        fct_churn_portrait_numbers=marts.fct_churn_portrait_numbers.assign(is_too_small=True),
    )
    drawn_case = figures(case, "en")
    coverage = drawn_case["segments"].axes[0]
    bars = [bar.get_y() for bar in coverage.patches if isinstance(bar, Rectangle)]
    assert bars == [row - 0.25 for row in range(1, len(first))]
    assert "too few clients" in texts(drawn_case["segments"])
    for name in ("churn_by_trait", "leavers_portrait"):
        assert not drawn_case[name].axes[0].patches
        assert len(drawn_case[name].axes) == 1


@pytest.mark.parametrize(("active_clients", "note"), [(0, "активных нет"), (3, "активных слишком мало")])
def test_a_product_count_without_a_portrait_is_named(marts: Marts, active_clients: int, note: str) -> None:
    metrics = marts.fct_product_count_metrics.copy()
    at = metrics.index[0]
    metrics.loc[at, ["active_clients", "active_clients_rank"]] = active_clients, np.nan
    metrics.loc[at, "is_active_too_small"] = True
    figure = figures(replace(marts, fct_product_count_metrics=metrics), "ru")["product_count_portraits"]
    assert any(f"1\u00a0продукт: {note}" in text for text in texts(figure))
    assert not any(text.startswith("1\u00a0продукт, n") for text in texts(figure))


def test_groups_differ_without_colour_and_none_is_left_out(marts: Marts) -> None:
    def times(frame: pd.DataFrame, counts: int) -> pd.DataFrame:
        first = frame[frame["product_count"] == 1].drop(columns="product_count")
        return pd.DataFrame({"product_count": range(1, counts + 1)}).merge(first, how="cross")

    names = [field.name for field in fields(Marts) if field.name.startswith("fct_product_count")]
    for counts, ways in ((6, 6), (8, 6)):
        many = replace(marts, **{name: times(getattr(marts, name), counts) for name in names})
        figure = figures(many, "en")["product_count_portraits"]
        lines = figure.axes[0].lines
        assert len({(line.get_marker(), line.get_markerfacecolor()) for line in lines}) == ways
        assert len([line for line in lines if len(np.asarray(line.get_xdata()))]) == counts
        assert faults(figure) == []


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


def test_the_tornado_reaches_from_the_central_profit_to_each_end(marts: Marts) -> None:
    """Bar by bar; a proposal for too few clients has no panel."""
    ends = marts.fct_retention_sensitivity
    central = marts.fct_retention_economics.query("scenario == 'central'")
    hidden = marts.fct_retention_proposals["proposal_id"] == "retention_call"
    case = replace(
        marts,
        fct_retention_proposals=marts.fct_retention_proposals.assign(
            proposal_rank=marts.fct_retention_proposals["proposal_rank"].mask(hidden)
        ),
    )
    for each, panels in ((marts, 4), (case, 3)):
        figure = figures(each, "en")["retention_tornado"]
        drawn = sorted(
            (round(bar.get_x(), 3), round(bar.get_x() + bar.get_width(), 3))
            for axes in figure.axes
            for bar in axes.patches
            if isinstance(bar, Rectangle)
        )
        chosen = each.fct_retention_proposals.query("proposal_rank > 0")["proposal_id"]
        bars = ends[ends["proposal_id"].isin(chosen)].merge(central[["proposal_id", "profit"]])
        assert len(chosen) == panels
        assert drawn == sorted(
            (round(row["profit"], 3), round(row[f"profit_{end}"], 3))
            for _, row in bars.iterrows()
            for end in ("low", "high")
        )
        assert faults(figure) == []
