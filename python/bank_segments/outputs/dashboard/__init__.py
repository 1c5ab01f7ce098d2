"""The dashboard: one offline HTML file in each language, which adds up a published cube without small groups.

The page holds the additive cube and the names of its levels, nothing of a single client, so its size does not grow with
their number. Small groups are taken out of the cube before it is written (`protection` says how and why so),
and each page states what that costs.

Every figure on the page is the sum of the cube's cells that pass the filter; a view is filtered by the selections
in all other views, a key figure by all of them. A rate is sum(churned) / sum(clients) after filtering, its interval
Wilson's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from bank_segments.database import open_confined
from bank_segments.outputs.dashboard.page import render_page, vega_bundle
from bank_segments.outputs.dashboard.specs import specifications
from bank_segments.outputs.dashboard.views import (
    DIMENSIONS,
    Dictionaries,
    encoded_cube,
    ordered_levels,
    read_cells,
    read_dictionaries,
    views,
)
from bank_segments.outputs.dashboard.wording import LANGUAGES, NUMBERS, SCRIPT
from bank_segments.release.disclosure import PublishedCube, publish

__all__ = ["read_published_cube", "write_dashboards"]


def read_published_cube(warehouse: Path, minimum_group: int) -> PublishedCube:
    """The warehouse's cube without groups of fewer than `minimum_group` clients, as the dashboard embeds it."""
    return _read(warehouse, minimum_group)[0]


def write_dashboards(
    warehouse: Path, directory: Path, *, input_name: str, is_synthetic: bool, minimum_group: int
) -> list[Path]:
    """Write `dashboard.ru.html` and `dashboard.en.html` into `directory` and return their paths."""
    with ThreadPoolExecutor(max_workers=1) as background:
        bundle = background.submit(vega_bundle)  # half of the time, outside the interpreter's lock
        cube, names = _read(warehouse, minimum_group)
        charts = specifications()
        vega = bundle.result()
    levels = ordered_levels(cube, names)
    embedded = encoded_cube(cube, levels)
    written = []
    for language in LANGUAGES:
        content = {
            "minimumGroup": minimum_group,
            "cube": embedded,
            "views": views(cube, levels, names, language),
            "words": SCRIPT[language],
            "numbers": asdict(NUMBERS[language]),
            "specs": charts,
        }
        path = directory / f"dashboard.{language}.html"
        html = render_page(
            language, content, cube, vega=vega, input_name=input_name, is_synthetic=is_synthetic
        )
        path.write_text(html, encoding="utf-8")
        written.append(path)
    return written


def _read(warehouse: Path, minimum_group: int) -> tuple[PublishedCube, Dictionaries]:
    with open_confined(warehouse=warehouse) as connection:
        return publish(DIMENSIONS, read_cells(connection), minimum_group), read_dictionaries(connection)
