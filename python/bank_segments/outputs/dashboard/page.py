"""The page itself: its HTML with the script, the styles, Vega and the published cube inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import vl_convert

from bank_segments.outputs.dashboard.wording import NUMBERS, PAGE, Language
from bank_segments.outputs.pages import INDEX
from bank_segments.release.disclosure import LARGE_GROUP, PublishedCube

HOME = {"ru": "Все материалы", "en": "Everything in this release"}
ASSETS = Path(__file__).parent
VEGA_LITE = "6.4"


def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script without dependencies."""
    return _inside_script(
        vl_convert.javascript_bundle(snippet="window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE)
    )


def _inside_script(source: str) -> str:
    """JavaScript that cannot end the element around it."""
    return source.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def embedded_json(value: object) -> str:
    """JSON that stays data inside a `script` element, whatever text is in it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def render_page(
    language: Language,
    content: Mapping[str, Any],
    cube: PublishedCube,
    *,
    vega: str,
    input_name: str,
    is_synthetic: bool,
) -> str:
    """The dashboard in one language as HTML."""
    words = {name: escape(text) for name, text in PAGE[language].items()}
    other: Language = "en" if language == "ru" else "ru"
    banner = f'<p class="synthetic" role="note">{words["synthetic"]}</p>' if is_synthetic else ""
    return Template((ASSETS / "template.html").read_text(encoding="utf-8")).substitute(
        words,
        language=language,
        other=other,
        index=INDEX[language],
        home=HOME[language],
        banner=banner,
        source=words["source"].format(input_name=escape(input_name)),
        protection_text=escape(protection_text(cube, language)),
        brief_text=escape(brief_text(cube, language)),
        style=(ASSETS / "dashboard.css").read_text(encoding="utf-8"),
        vega=vega,
        script=_inside_script((ASSETS / "dashboard.js").read_text(encoding="utf-8")),
        content=embedded_json(content),
    )


def brief_text(cube: PublishedCube, language: Language) -> str:
    """One sentence for the top of the page about small groups."""
    words = PAGE[language]
    if cube.minimum_group <= 1:
        return words["unprotected"]
    name = "whole" if cube.is_whole else "brief" if cube.totals.clients == 0 else "brief_inexact"
    return words[name].format(minimum=NUMBERS[language].count(cube.minimum_group))


def protection_text(cube: PublishedCube, language: Language) -> str:
    """What the suppression of small groups did to the numbers."""
    words, numbers = PAGE[language], NUMBERS[language]
    if cube.minimum_group <= 1 or cube.is_whole:
        return brief_text(cube, language)
    values = {
        "minimum": numbers.count(cube.minimum_group),
        "moved": numbers.count(cube.moved_clients),
        "share": numbers.share(cube.moved_clients / cube.true_clients if cube.true_clients else 0.0),
        "clients": numbers.count(cube.totals.clients),
        "pair": numbers.count(cube.pairs.clients),
        "triple": numbers.count(cube.triples.clients),
        "pair_rate": numbers.difference(cube.pairs.churn_rate),
        "triple_rate": numbers.difference(cube.triples.churn_rate),
        "pair_usual": numbers.difference(cube.pairs.usual_churn_rate),
        "triple_usual": numbers.difference(cube.triples.usual_churn_rate),
        "large": numbers.count(LARGE_GROUP),
    }
    parts = ["protection", "protected", "exact" if cube.totals.clients == 0 else "inexact", "combined"]
    return " ".join(words[part].format(**values) for part in parts)
