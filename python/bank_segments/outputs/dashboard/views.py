"""What the dashboard shows: its views, their levels, and the published cube in the form that the page adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import duckdb

from bank_segments.outputs.dashboard.specs import BLUE, GLYPHS, ORANGE, PALETTE, SYMBOLS
from bank_segments.outputs.dashboard.wording import VIEWS, Language
from bank_segments.release.disclosure import OTHER, Cell, PublishedCube

SEGMENTS = "segment_ids"
TRAITS = ("city", "gender", "age_band", "product_count", "is_loyal", "has_credit_card", "has_balance")
DIMENSIONS = (*TRAITS, SEGMENTS)
NO_SEGMENT = "none"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Label:
    """A name in both languages."""

    ru: str
    en: str

    def in_language(self, language: Language) -> str:
        """The name in one language."""
        return self.ru if language == "ru" else self.en


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment as `marts.dim_segments` describes it."""

    segment_id: str
    name: Label
    description: Label
    rule: str


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """Names of traits and levels, and the segments."""

    traits: Mapping[str, Label]
    levels: Mapping[tuple[str, str], tuple[int, Label]]
    segments: tuple[Segment, ...]


def read_cells(connection: duckdb.DuckDBPyConnection) -> list[Cell]:
    """The cells of `marts.rpt_dashboard_cube`, levels as text."""
    columns = ", ".join(f"cast({dimension} as varchar)" for dimension in DIMENSIONS)
    rows = connection.execute(
        f"select {columns}, is_churned, sum(clients) from marts.rpt_dashboard_cube group by all"
    ).fetchall()
    return [Cell(tuple(row[:-2]), bool(row[-2]), int(row[-1])) for row in rows]


def read_dictionaries(connection: duckdb.DuckDBPyConnection) -> Dictionaries:
    """Names from `marts.dim_traits`, `marts.dim_trait_levels` and `marts.dim_segments`."""
    traits = connection.execute(
        "select trait, name_ru, name_en from marts.dim_traits where kind = 'category'"
    )
    names = {trait: Label(ru, en) for trait, ru, en in traits.fetchall()}
    levels = connection.execute(
        "select trait, level, sort_order, label_ru, label_en from marts.dim_trait_levels"
    )
    labels = {
        (trait, level): (int(order), Label(ru, en)) for trait, level, order, ru, en in levels.fetchall()
    }
    segments = connection.execute(
        "select segment_id, name_ru, name_en, description_ru, description_en, rule from marts.dim_segments order by all"
    )
    return Dictionaries(
        names,
        labels,
        tuple(
            Segment(row[0], Label(row[1], row[2]), Label(row[3], row[4]), row[5])
            for row in segments.fetchall()
        ),
    )


def ordered_levels(cube: PublishedCube, names: Dictionaries) -> list[list[str]]:
    """The levels of each dimension that the published cube has, in their order on the page."""
    seen = (
        zip(*(cell.levels for cell in cube.cells), strict=True) if cube.cells else [()] * len(cube.dimensions)
    )

    def place(dimension: str, level: str) -> tuple[bool, int, str]:
        return level == OTHER, names.levels.get((dimension, level), (0, Label(level, level)))[0], level

    return [
        sorted(set(column), key=partial(place, dimension))
        for dimension, column in zip(cube.dimensions, seen, strict=True)
    ]


def encoded_cube(cube: PublishedCube, levels: Sequence[Sequence[str]]) -> Json:
    """The cube as the page embeds it: positions of the levels, clients who stayed, clients who left."""
    counts: dict[tuple[int, ...], list[int]] = {}
    positions = [{level: place for place, level in enumerate(column)} for column in levels]
    for cell in cube.cells:
        codes = tuple(column[level] for column, level in zip(positions, cell.levels, strict=True))
        counts.setdefault(codes, [0, 0])[cell.is_churned] += cell.clients
    return {
        "dimensions": list(cube.dimensions),
        "levels": [list(column) for column in levels],
        "cells": [[*codes, *pair] for codes, pair in sorted(counts.items())],
    }


def views(
    cube: PublishedCube, levels: Sequence[Sequence[str]], names: Dictionaries, language: Language
) -> list[Json]:
    """Every view of the page in its order: product counts, segments, the curve, then the other traits."""
    words = VIEWS[language]
    traits = [_trait_view(position, cube, levels, names, language) for position in range(len(TRAITS))]
    products = traits[TRAITS.index("product_count")]
    products |= {
        "wide": True,
        "panels": [{"title": words["counts"], "chart": "counts"}, *products["panels"]],
        "key": [
            {"glyph": "■", "colour": BLUE, "label": words["stayed"]},
            {"glyph": "■", "colour": ORANGE, "label": words["left"]},
        ],
    }
    others = [view for view in traits if view is not products]
    return [
        products,
        _segment_view(levels, names, language),
        _curve_view(cube, levels, names, language),
        *others,
    ]


def _labels(dimension: str, levels: Sequence[str], names: Dictionaries, language: Language) -> list[str]:
    """The names of some levels; levels that share a name are told apart."""
    found = [
        VIEWS[language]["other"]
        if level == OTHER
        else names.levels.get((dimension, level), (0, Label(level, level)))[1].in_language(language)
        for level in levels
    ]
    often = Counter(found)
    return [
        label if often[label] == 1 else f"{label} ({level})"
        for label, level in zip(found, levels, strict=True)
    ]


def _trait_view(
    position: int,
    cube: PublishedCube,
    levels: Sequence[Sequence[str]],
    names: Dictionaries,
    language: Language,
) -> Json:
    dimension = cube.dimensions[position]
    labels = _labels(dimension, levels[position], names, language)
    return {
        "id": dimension,
        "kind": "trait",
        "dimension": position,
        "title": names.traits[dimension].in_language(language) if dimension in names.traits else dimension,
        "levels": [
            {"id": level, "label": label} for level, label in zip(levels[position], labels, strict=True)
        ],
        "panels": [{"title": VIEWS[language]["rate"], "chart": "rate"}],
    }


def _segment_view(levels: Sequence[Sequence[str]], names: Dictionaries, language: Language) -> Json:
    words = VIEWS[language]
    ids = [*(segment.segment_id for segment in names.segments), NO_SEGMENT]
    active = [
        segment.name.in_language(language)
        for segment in names.segments
        if "is_churned = false" in segment.rule
    ]
    note = words["segments_note"]
    if active:
        note += " " + words["active_only"].format(names=", ".join(active))
    return {
        "id": "segment",
        "kind": "segments",
        "dimension": DIMENSIONS.index(SEGMENTS),
        "memberships": [
            [ids.index(segment_id) for segment_id in (combination or NO_SEGMENT).split(",")]
            for combination in levels[DIMENSIONS.index(SEGMENTS)]
        ],
        "title": words["segments"],
        "note": note,
        "wide": True,
        "levels": [
            *(
                {"id": segment.segment_id, "label": segment.name.in_language(language)}
                for segment in names.segments
            ),
            {"id": NO_SEGMENT, "label": words["none"]},
        ],
        "panels": [
            {"title": words["coverage"], "chart": "coverage"},
            {"title": words["rate"], "chart": "rate"},
        ],
        "rules": [
            {
                "name": segment.name.in_language(language),
                "description": segment.description.in_language(language),
                "rule": segment.rule,
            }
            for segment in names.segments
        ],
    }


def _curve_view(
    cube: PublishedCube, levels: Sequence[Sequence[str]], names: Dictionaries, language: Language
) -> Json:
    """Churn by age band for the largest cities: as many as there are symbols to tell them apart."""
    words = VIEWS[language]
    city, band = DIMENSIONS.index("city"), DIMENSIONS.index("age_band")
    sizes = Counter[str]()
    for cell in cube.cells:
        sizes[cell.levels[city]] += cell.clients
    largest = {level for level, _ in sizes.most_common(len(SYMBOLS))}
    shown = [place for place, level in enumerate(levels[city]) if level in largest]
    cities = _labels("city", levels[city], names, language)
    bands = _labels("age_band", levels[band], names, language)
    note = words["curve_note"]
    if len(shown) < len(cities):
        note += " " + words["curve_cut"].format(shown=len(shown), all=len(cities))
    return {
        "id": "city_age",
        "kind": "pair",
        "dimension": city,
        "bandDimension": band,
        "bands": len(bands),
        "positions": [shown.index(place) if place in shown else -1 for place in range(len(cities))],
        "title": words["curve"],
        "note": note,
        "wide": True,
        "foldLevels": True,
        "levels": [
            {
                "id": f"{levels[city][place]}|{levels[band][age]}",
                "label": f"{cities[place]}, {bands[age]}",
                "city": row,
                "band": bands[age],
                "bandOrder": age,
                "colour": PALETTE[row],
                "symbol": SYMBOLS[row],
            }
            for row, place in enumerate(shown)
            for age in range(len(bands))
        ],
        "key": [
            {"glyph": GLYPHS[row], "colour": PALETTE[row], "label": cities[place]}
            for row, place in enumerate(shown)
        ],
        "panels": [{"title": words["curve_title"], "chart": "curve"}],
    }
