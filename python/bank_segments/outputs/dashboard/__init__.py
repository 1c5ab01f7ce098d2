"""The dashboard: one offline HTML file in each language, which adds up a published cube without small groups.

The page holds the additive cube and the names of its levels, nothing of a single client, so its size does not grow with
their number. Small groups were taken out of the cube before it comes here; each page states what that costs.

Every figure on the page is the sum of the cube's cells that pass the filter; a view is filtered by the selections
in all other views, a key figure by all of them. A rate is sum(churned) / sum(clients) after filtering, its interval
Wilson's. The charts are Vega-Lite specifications beside this file, each with what is in `common.json`: they hold no
number and no word, the page's script feeds them the data set `rows` with every label as text. Colours are of Okabe
and Ito's palette.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vl_convert
from babel.numbers import get_decimal_symbol, get_group_symbol
from markupsafe import Markup

from bank_segments.marts import Marts, rows
from bank_segments.words import LANGUAGES, Words, words_of

if TYPE_CHECKING:
    from bank_segments.release.disclosure import PublishedCube

# Of pages.css, where each has a shade for a dark screen.
STAYED, LEFT = "var(--stayed)", "var(--left)"
# One symbol and colour for each line of the curve, and the symbol as the legend writes it.
MARKS = (
    ("circle", "●", STAYED),
    ("square", "■", LEFT),
    ("triangle-up", "▲", "var(--ink)"),
    ("diamond", "◆", "#009E73"),
    ("cross", "✚", "#CC79A7"),
    ("triangle-down", "▼", "#D55E00"),
    ("triangle-right", "▶", "#56B4E9"),
    ("triangle-left", "◀", "#8C6D00"),
)
SEGMENTS = "segment_ids"
NO_SEGMENT = "none"
PROFIT_TERMS = (
    *("target_clients", "expected_churn_rate", "save_rate", "take_up_of_stayers"),
    *("contact_cost", "offer_cost", "value_of_kept_client"),
)

_FOLDER = Path(__file__).parent
_VEGA_LITE = "6.4"

Json = dict[str, Any]


def write_dashboards(
    marts: Marts, cube: PublishedCube, directory: Path, *, input_name: str, is_synthetic: bool
) -> None:
    """Write `dashboard.ru.html` and `dashboard.en.html` into `directory`."""
    common = json.loads((_FOLDER / "common.json").read_text(encoding="utf-8"))
    specs = {
        path.name.partition(".")[0]: common | json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(_FOLDER.glob("*.vl.json"))
    }
    levels = ordered_levels(marts, cube)
    embedded = encoded(cube, levels)
    is_changed = cube.is_protected and not cube.is_whole
    for words in (words_of(marts, language) for language in LANGUAGES):
        content = {
            "cube": embedded,
            "specs": specs,
            "numbers": number_format(words),
            # The churn rate of fewer clients may be far from the warehouse's, where their number is not exact.
            "roughBelow": cube.limits.rough_rate_below if is_changed else 0,
            "hiddenBelow": cube.limits.hidden_rate_below if is_changed else 0,
            "hasExactTotals": cube.totals.clients == 0,
            "views": Views(marts, cube, levels, words).all(),
            "proposals": proposals(marts, words),
        }
        categories = marts.dim_traits.query("kind == 'category'")["trait"]
        absent = [words.trait(trait) for trait in categories if trait not in cube.dimensions]
        environment = words.environment()
        environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
        page = environment.get_template("dashboard/dashboard.html.j2")
        html = page.render(
            content=content,
            cube=cube,
            absent=absent,
            vega=vega_bundle(),
            input_name=input_name,
            is_synthetic=is_synthetic,
        )
        (directory / f"dashboard.{words.language}.html").write_text(html, encoding="utf-8")


@cache
def vega_bundle() -> Markup:
    """Vega, Vega-Lite and Vega-Embed as one script that cannot end the element around it; takes a second."""
    source = vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;", vl_version=_VEGA_LITE)
    return Markup(source.replace("</script", r"<\/script").replace("<!--", r"<\!--"))


def proposals(marts: Marts, words: Words) -> list[Json]:
    """What the profit of each proposal is made of, under the central assumptions; none for too few clients."""
    _ = words.gettext
    shown = marts.fct_retention_proposals[["segment_id", "proposal_id", "title_ru", "title_en", "proposal_rank"]]
    shown = shown[shown["proposal_rank"].notna()].sort_values("proposal_rank")
    shown = shown.merge(marts.dim_segments[["segment_id", "name_ru", "name_en"]])
    central = marts.fct_retention_economics.query("scenario == 'central' and profit.notna()")
    return [
        {
            "label": _("“%(segment)s” — %(title)s", segment=words.name(row, "name"), title=words.name(row, "title")),
            "row": place,
            **{name: row[name] for name in PROFIT_TERMS},
        }
        for place, row in enumerate(rows(shown.merge(central)))
    ]


def number_format(words: Words) -> dict[str, str]:
    """How the page's script writes numbers."""
    return {
        "thousands": get_group_symbol(words.language),
        "decimal": get_decimal_symbol(words.language),
        "percent": words.percent(0, 0).lstrip("0"),
        "points": words.points(0, 0).lstrip("0"),
    }


def ordered_levels(marts: Marts, cube: PublishedCube) -> dict[str, list[str]]:
    """The levels of each dimension that the published cube has, in their order on the page: the joined ones last."""
    known = marts.dim_trait_levels
    order = {pair: place for place, pair in enumerate(zip(known["trait"], known["level"], strict=True))}

    def place(dimension: str, level: str) -> tuple[bool, int, str]:
        return level == cube.other, order.get((dimension, level), len(order)), level

    return {
        dimension: sorted(cube.cells[dimension].unique(), key=partial(place, dimension))
        for dimension in cube.dimensions
    }


def encoded(cube: PublishedCube, levels: Mapping[str, list[str]]) -> Json:
    """The cube as the page embeds it: positions of the levels, clients who stayed, clients who left."""
    counts: dict[tuple[int, ...], list[int]] = {}
    positions = [{level: place for place, level in enumerate(levels[name])} for name in cube.dimensions]
    cells = cube.cells[[*cube.dimensions, "is_churned", "clients"]]
    for *cell, is_churned, clients in cells.itertuples(index=False, name=None):
        codes = tuple(column[level] for column, level in zip(positions, cell, strict=True))
        counts.setdefault(codes, [0, 0])[is_churned] += clients
    return {
        "dimensions": list(cube.dimensions),
        "levels": list(levels.values()),
        "cells": [[*codes, *pair] for codes, pair in sorted(counts.items())],
    }


@dataclass(frozen=True)
class Views:
    """What one page shows: a card for each trait, the segments, and churn along a scale by territory."""

    marts: Marts
    cube: PublishedCube
    levels: Mapping[str, list[str]]
    words: Words

    def all(self) -> list[Json]:
        """The cards in their order: product counts, segments, the curve, then the other traits."""
        products = [trait for trait in self.cube.dimensions if trait == self.words.roles.get("product_count")]
        others = [trait for trait in self.cube.dimensions if trait not in (*products, SEGMENTS)]
        return [
            *map(self.products, products),
            *([] if self.marts.dim_segments.empty else [self.segments()]),
            *(self.curve(*pair) for pair in self.cube.exact_pairs),
            *map(self.trait, others),
        ]

    def labels(self, trait: str) -> list[str]:
        """The names of a trait's levels; levels that share a name are told apart."""
        _ = self.words.gettext
        unlisted = {self.cube.other: _("other (small groups)"), "": _("no value")}
        found = [unlisted.get(level) or self.words.level(trait, level) for level in self.levels[trait]]
        often = Counter(found)
        return [
            label if often[label] == 1 else f"{label} ({level})"
            for label, level in zip(found, self.levels[trait], strict=True)
        ]

    def trait(self, trait: str) -> Json:
        """Churn rate by the levels of a trait."""
        levels = zip(self.levels[trait], self.labels(trait), strict=True)
        return {
            "id": trait,
            "kind": "trait",
            "dimension": self.cube.dimensions.index(trait),
            "title": self.words.trait(trait),
            "levels": [{"id": level, "label": label} for level, label in levels],
            "panels": [{"title": self.words.gettext("Churn rate"), "chart": "rate"}],
        }

    def products(self, trait: str) -> Json:
        """Clients who stayed and who left, and their churn rate, by number of products."""
        _, card = self.words.gettext, self.trait(trait)
        return card | {
            "wide": True,
            "panels": [{"title": _("Clients who stayed and who left"), "chart": "counts"}, *card["panels"]],
            "key": [
                {"glyph": "■", "colour": STAYED, "label": _("stayed")},
                {"glyph": "■", "colour": LEFT, "label": _("left")},
            ],
        }

    def segments(self) -> Json:
        """Coverage, churn rate and rule of every segment; a client may be in several."""
        _, name = self.words.gettext, self.words.name
        metrics = self.marts.tables["fct_segment_metrics"]
        declared = [segment for segment in metrics if segment["segment_id"] != NO_SEGMENT]
        shown = [segment for segment in declared if not segment["reason_en"]]
        ruled = {each["segment_id"] for each in metrics if each["is_churn_set_by_rule"]}
        named = [(each["segment_id"], name(each, "name")) for each in shown] + [(NO_SEGMENT, _("in no segment"))]
        levels = [{"id": id_, "label": label, "isChurnSetByRule": id_ in ruled} for id_, label in named]
        ids = [level["id"] for level in levels]
        note = _("Segments overlap: a client may be in several of them.")
        if names := [level["label"] for level in levels if level["isChurnSetByRule"]]:
            note += " " + _(
                "Who left is set by the rule itself (%(names)s): there the churn rate says nothing and is not shown.",
                names=", ".join(names),
            )
        note += "".join(f" {name(each, 'name')}: {name(each, 'reason')}" for each in declared if each not in shown)
        return {
            "id": "segment",
            "kind": "segments",
            "dimension": self.cube.dimensions.index(SEGMENTS),
            "memberships": [
                [ids.index(segment_id) for segment_id in (combination or NO_SEGMENT).split(",")]
                for combination in self.levels[SEGMENTS]
            ],
            "title": _("Segments"),
            "note": note,
            "wide": True,
            "levels": levels,
            "panels": [
                {"title": _("Coverage: share of the selected clients"), "chart": "coverage"},
                {"title": _("Churn rate"), "chart": "rate"},
            ],
            "rules": [
                {
                    "name": name(each, "name"),
                    "description": name(each, "description"),
                    "rule": self.words.rule(each["rule"]),
                }
                for each in declared
            ],
        }

    def curve(self, territory: str, scale: str) -> Json:
        """Churn rate along the scale for the largest parts of the territory: as many as there are marks for them."""
        _, position = self.words.gettext, self.cube.dimensions.index(territory)
        lines, bands = self.labels(territory), self.labels(scale)
        names = {"territory": self.words.trait(territory), "scale": self.words.trait(scale)}
        drawn = self.marts.fct_churn_portrait.query(f"trait == @territory and clients_rank <= {len(MARKS)}")
        largest = set(drawn["level"])
        shown = [place for place, level in enumerate(self.levels[territory]) if level in largest]
        marked = list(zip(shown, MARKS, strict=False))
        note = _("Lines: “%(territory)s”. Points: “%(scale)s”. Whiskers: 95%% intervals.", **names)
        if len(shown) < len(lines):
            note += " " + _("The largest are shown: %(shown)s of %(all)s.", shown=len(shown), all=len(lines))
        return {
            "id": "curve",
            "kind": "pair",
            "dimension": position,
            "bandDimension": self.cube.dimensions.index(scale),
            "bands": len(bands),
            "positions": [shown.index(place) if place in shown else -1 for place in range(len(lines))],
            "title": _("Churn: %(scale)s × %(territory)s", **names),
            "note": note,
            "wide": True,
            "foldLevels": True,
            "levels": [
                {
                    "id": f"{self.levels[territory][place]}|{self.levels[scale][band]}",
                    "label": f"{lines[place]}, {bands[band]}",
                    "line": row,
                    "band": bands[band],
                    "bandOrder": band,
                    "colour": colour,
                    "symbol": symbol,
                }
                for row, (place, (symbol, glyph, colour)) in enumerate(marked)
                for band in range(len(bands))
            ],
            "key": [
                {"glyph": glyph, "colour": colour, "label": lines[place]} for place, (symbol, glyph, colour) in marked
            ],
            "panels": [{"title": _("Churn rate"), "chart": "curve"}],
        }
