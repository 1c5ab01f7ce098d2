"""The findings as a page: their Markdown rendered, with the charts inside the file, to be read, sent on and printed."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from bank_segments.pages import INDEX, Frame
from bank_segments.wording import Language

FILES: dict[Language, str] = {"ru": "conclusions.ru.html", "en": "conclusions.en.html"}
_CONTENTS: dict[Language, str] = {"ru": "Содержание", "en": "Contents"}
_STYLE = """
body { background: var(--paper); font-size: 16px; }
.page { max-width: 1240px; }
main > :not(.chart), header > div { max-width: 760px; }
h2 { margin: 36px 0 10px; padding-top: 10px; border-top: 1px solid var(--line); font-size: 21px; }
h3 { margin: 22px 0 6px; font-size: 17px; line-height: 1.3; }
ul { margin: 0 0 10px; padding-left: 22px; }
li { margin-bottom: 4px; }
.contents ul { columns: 2 280px; padding: 0; list-style: none; }
.chart { margin: 14px 0; overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
.chart img { display: block; width: 100%; min-width: 1000px; height: auto; }
@page { size: A4 landscape; margin: 11mm; }
@media print {
  body { font-size: 9.5pt; }
  .page { max-width: none; padding: 0; }
  .contents { display: none; }
  main { columns: 2; column-gap: 10mm; }
  main > :not(.chart) { max-width: none; }
  h2, .chart { column-span: all; }
  h2 { margin: 10px 0 6px; }
  h3 { break-inside: avoid; }
  .chart { border: 0; margin: 0; overflow: visible; break-inside: avoid; }
  .chart img { min-width: 0; width: auto; max-width: 100%; max-height: 165mm; }
  li { break-inside: avoid; }
}
"""


def conclusions_page(
    markdown: str, language: Language, *, title: str, is_synthetic: bool, pictures: Mapping[str, Path]
) -> str:
    """The page with the text of `markdown`, whose every picture is in `pictures` by the path that it is named by.

    Raises `OSError` where a picture cannot be read.
    """
    parser = MarkdownIt("commonmark", {"html": False})
    renderer = RendererHTML(parser)
    tokens = parser.parse(markdown)
    sections = _anchor_sections(tokens)
    _put_pictures_inside(tokens, pictures)
    links = "".join(
        f'<li><a href="#{anchor}">{escape(renderer.renderInlineAsText(text, parser.options, {}))}</a></li>'
        for anchor, text in sections.items()
    )
    contents = f'<nav class="contents" aria-label="{_CONTENTS[language]}"><ul>{links}</ul></nav>'
    frame = Frame(
        language,
        title=title,
        other=FILES["en" if language == "ru" else "ru"],
        is_synthetic=is_synthetic,
        home=INDEX[language],
        style=_STYLE,
    )
    return frame.html(f"{contents}\n{renderer.render(tokens, parser.options, {})}")


def _anchor_sections(tokens: Sequence[Token]) -> dict[str, list[Token]]:
    """Give every section an anchor; returns the text of its heading by the anchor."""
    sections: dict[str, list[Token]] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open" and opening.tag == "h2":
            anchor = f"section-{len(sections) + 1}"
            opening.attrSet("id", anchor)
            sections[anchor] = inline.children or []
    return sections


def _put_pictures_inside(tokens: Sequence[Token], pictures: Mapping[str, Path]) -> None:
    """Replace the path of each picture by its bytes; where it is too wide its paragraph can be scrolled, by key too."""
    for opening, inline in pairwise(tokens):
        for picture in (token for token in inline.children or [] if token.type == "image"):
            content = base64.b64encode(pictures[str(picture.attrs["src"])].read_bytes()).decode("ascii")
            picture.attrSet("src", f"data:image/png;base64,{content}")
            opening.attrSet("class", "chart")
            opening.attrSet("tabindex", "0")
