"""The written findings, in Russian and in English: one template over the rows of the marts, as Markdown and as a page.

The template derives nothing. "Not rejected" is never written as "equal": only a test of equivalence may say so. The
page is the Markdown rendered, with the charts inside, so it cannot say anything else either.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML

from bank_segments.marts import Marts, groups
from bank_segments.words import FINDING_PLACES, Language, Words, escaped, words_of

if TYPE_CHECKING:
    from bank_segments.outputs.charts import Chart

Row = Mapping[str, Any]


def write_conclusions(
    marts: Marts,
    directory: Path,
    language: Language,
    *,
    input_name: str,
    is_synthetic: bool,
    charts: Sequence[Chart] = (),
) -> None:
    """Write the findings of a language to `directory` as `conclusions.<language>.md` and `.html`.

    `input_name` is the name of the client file as the user gave it. The Markdown points at the `charts` of that
    language, which lie below `directory`; the page holds them. Raises `OSError` where one cannot be read.
    """
    drawn = {chart.path.relative_to(directory).as_posix(): chart for chart in charts}
    images = {chart.name: f"![{escaped(chart.title)}]({file})" for file, chart in drawn.items()}
    markdown = conclusions(marts, language, input_name=input_name, is_synthetic=is_synthetic, images=images)
    page = _page(markdown, language, {file: chart.path for file, chart in drawn.items()}, is_synthetic)
    for suffix, text in (("md", markdown), ("html", page)):
        (directory / f"conclusions.{language}.{suffix}").write_text(text, encoding="utf-8")


def conclusions(
    marts: Marts,
    language: Language,
    *,
    input_name: str,
    is_synthetic: bool,
    images: Mapping[str, str] | None = None,
) -> str:
    """The findings of one language as Markdown; `images`, by the name of the chart, follow the heading of theirs."""
    words = words_of(marts, language)
    # Levels come from the client file.
    words = replace(words, levels={key: escaped(label) for key, label in words.levels.items()})
    template = words.environment().get_template("conclusions.md.j2")
    return template.render(
        marts.tables, charts=images or {}, input_name=input_name, is_synthetic=is_synthetic, places=places
    )


def places(rows: Iterable[Row]) -> list[tuple[tuple[str, ...], list[str]]]:
    """The trimmings under which a test flips, each with the parts of the territory where it flips under just these."""
    found: dict[tuple[str, ...], list[str]] = {}
    for part in groups(rows, "territory"):
        found.setdefault(tuple(row["trimming"] for row in part), []).append(part[0]["territory"])
    return list(found.items())


def _page(markdown: str, language: Language, pictures: Mapping[str, Path], is_synthetic: bool) -> str:
    """The sections of `markdown`, whose every picture is in `pictures` by the path that it is named by, as a page.

    The place of a kind of findings has its name as anchor, so that other pages can lead there.
    """
    parser, words = MarkdownIt("commonmark", {"html": False}).enable("table"), Words(language)
    places = {words.gettext(heading): kind for kind, heading in FINDING_PLACES.items()}
    renderer = RendererHTML(parser)
    tokens = parser.parse(markdown)
    first = next(index for index, token in enumerate(tokens) if token.tag == "h2")
    sections: dict[str, str] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            heading = renderer.renderInlineAsText(inline.children, parser.options, {})
            anchor = places.get(heading, f"section-{len(sections) + 1}")
            opening.attrSet("id", anchor)
            sections[anchor] = heading
        for picture in (token for token in inline.children or [] if token.type == "image"):
            content = base64.b64encode(pictures[str(picture.attrs["src"])].read_bytes()).decode("ascii")
            picture.attrSet("src", f"data:image/png;base64,{content}")
            # Where the chart is too wide its paragraph can be scrolled, by key too.
            opening.attrSet("class", "chart")
            opening.attrSet("tabindex", "0")
    template = words.environment().get_template("pages/conclusions.html.j2")
    return template.render(
        text=renderer.render(tokens[first:], parser.options, {}), sections=sections, is_synthetic=is_synthetic
    )
