"""What the tests of the outputs share: the numbers of a text, and marts that another file or register may give."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from pptx import Presentation

from bank_segments.marts import Marts
from bank_segments.words import Language

NUMBER: dict[Language, str] = {
    "ru": r"−?(?<!\d)(?:\d{1,3}(?:\u00a0\d{3})+|\d+)(?:,\d+)?",
    "en": r"−?(?<!\d)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?",
}
# What a sentence without its value looks like.
BROKEN = re.compile(r"\b(?:nan|None|inf|NaT|NA)\b|<NA>|\{|\}|%\(")
HOSTILE = {
    "Ярославль": "[x](javascript:alert(1)) <script>$_*$` | <img src=x onerror=alert(1)>",
    "Рыбинск": "=cmd|' /C calc'!A0",
    "Ростов Великий": "Д" * 300,
}
ODD = ["sparse", "no hypothesis", "hostile"]


def deck_texts(path: Path) -> str:
    """All that a deck says, in whose charts there is something to see."""
    shapes = [shape for slide in Presentation(str(path)).slides for shape in slide.shapes]
    for shape in shapes:
        if shape.has_chart:
            assert any(value is not None for plot in shape.chart.plots for each in plot.series for value in each.values)
    cells = (cell.text for shape in shapes if shape.has_table for row in shape.table.rows for cell in row.cells)
    return "\n".join([*(shape.text_frame.text for shape in shapes if shape.has_text_frame), *cells])


def covering(texts: Sequence[tuple[str, Sequence[float]]], tolerance: float) -> list[str]:
    """Pairs of texts whose boxes (two corners, the lower ends first) share more than so much both ways."""
    low, high = np.split(np.array([box for _, box in texts]).reshape(-1, 4), 2, axis=1)
    shared = np.minimum(high[:, None], high) - np.maximum(low[:, None], low)
    pairs = np.argwhere(np.triu((shared > tolerance).all(axis=2), k=1))
    return [f"{texts[one][0]!r} and {texts[two][0]!r} cover each other" for one, two in pairs]


def printed(text: str, language: Language) -> list[tuple[float, int]]:
    """Every number of the text with the decimals it is printed with."""
    found = []
    # In English the sign of the currency stands between the minus and the digits.
    for match in re.findall(NUMBER[language], re.sub(r"−[$€₽](?=\d)", "−", text)):
        plain = match.replace("−", "-").replace("\u00a0", "")
        plain = plain.replace(",", ".") if language == "ru" else plain.replace(",", "")
        found.append((float(plain), len(plain.partition(".")[2])))
    return found


def grouped(text: str) -> str:
    """`text` with its digits grouped as the outputs do it."""
    return re.sub(r"(?<=\d) (?=\d{3})", "\u00a0", text)


def flat(cells: Any, language: Language) -> list[float]:
    """The numbers of some cells in their order, those in names included; a missing cell has none."""
    if cells is None:
        return []
    if isinstance(cells, str):
        return [value for value, _ in printed(grouped(cells), language)]
    if isinstance(cells, Iterable):
        each = cells.values() if isinstance(cells, Mapping) else cells
        return [number for cell in each for number in flat(cell, language)]
    return [float(cells)]


def mismatches(text: str, cells: Iterable[Any], language: Language) -> list[str]:
    """Where the numbers of a text are not those cells, rounded as they are printed."""
    shown, wanted = printed(text, language), flat(cells, language)
    if len(shown) != len(wanted):
        return [f"{len(shown)} numbers for {len(wanted)} cells: {shown} {wanted}"]
    return [
        f"{value} for {cell}"
        for (value, decimals), cell in zip(shown, wanted, strict=True)
        if abs(value - cell) > 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-9
    ]


def embedded(dashboard: Path) -> dict[str, Any]:
    """What a dashboard has embedded: proper JSON, without a number such as NaN that JSON does not have."""
    page = dashboard.read_text(encoding="utf-8")
    (content,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page, re.DOTALL)

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{dashboard.name} holds {constant}")

    found: dict[str, Any] = json.loads(content, parse_constant=refuse)
    return found


def cells_of(dashboard: dict[str, Any]) -> pd.DataFrame:
    """The cells of the cube in what a dashboard has embedded: their levels, who stayed and who left."""
    cube = dashboard["cube"]
    rows = [
        [*(levels[code] for levels, code in zip(cube["levels"], cell, strict=False)), *cell[-2:]]
        for cell in cube["cells"]
    ]
    return pd.DataFrame(rows, columns=[*cube["dimensions"], "stayed", "churned"])


def with_random_numbers(marts: Marts, seed: int) -> Marts:
    """The same names and ranks with other numbers everywhere, so that a number typed into the text stands out."""
    random = np.random.default_rng(seed)

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        numbers = frame.select_dtypes("number").columns
        for column in numbers[~numbers.str.contains("_rank$|^product_count$|^sort_order$")]:
            if pd.api.types.is_integer_dtype(frame[column]):
                frame[column] = random.integers(1_000, 9_999_999, len(frame))
            else:
                scale = 1.0 if frame[column].abs().max() <= 1 else 1e4
                frame[column] = frame[column].where(frame[column].isna(), random.random(len(frame)) * scale)
        return frame

    return replace(marts, **{field.name: changed(getattr(marts, field.name)) for field in fields(Marts)})


def odd_marts(marts: Marts) -> dict[str, Marts]:
    """Marts of other registers and of clients that mean harm; test_degenerate_files.py has those of other files."""
    results, levels = marts.fct_hypothesis_results, marts.dim_trait_levels
    population = marts.dim_populations.head(1)
    portrait, active = marts.fct_churn_portrait, marts.fct_product_count_portrait
    sparse = replace(
        marts,
        dim_populations=population,
        fct_hypothesis_results=results[results["population"].isin(population["population"])],
        fct_churn_portrait=portrait[portrait["level"] != "1"],
        dim_trait_levels=levels[levels["level"] != "1"],
        # Whose reference, one product, is gone.
        fct_churn_driver_levels=marts.fct_churn_driver_levels.query("trait != 'product_count'"),
        fct_product_count_metrics=marts.fct_product_count_metrics.iloc[1:],
        fct_product_count_portrait=active[active["product_count"] != 1],
    )
    english = dict(zip(["Yaroslavl", "Rybinsk", "Rostov Veliky"], HOSTILE.values(), strict=True))
    renamed = (
        "dim_trait_levels",
        "fct_churn_portrait",
        "fct_product_count_portrait",
        "fct_hypothesis_sensitivity",
    )
    names = list(islice(cycle(["=1+1", "@SUM(1+1)", "<b>$_*$", HOSTILE["Рыбинск"]]), len(marts.dim_segments)))
    hostile = replace(
        marts,
        dim_segments=marts.dim_segments.assign(name_ru=names, name_en=names),
        **{name: getattr(marts, name).replace(HOSTILE | english) for name in renamed},
    )
    none = replace(marts, fct_hypothesis_results=results.head(0))
    return dict(zip(ODD, (sparse, none, hostile), strict=True))
