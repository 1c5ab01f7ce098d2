"""What every release holds, of whatever bank: no empty page, chart or slide, and every sentence whole."""

import html
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pptx import Presentation

from bank_segments.marts import read_marts
from bank_segments.outputs.charts import chart_style
from bank_segments.words import LANGUAGES, Language
from output_cases import BROKEN, deck_texts, embedded
from test_charts import drawn


def assert_whole(release: Path) -> None:
    """Fail where a file is missing or leads nowhere, or where what a reader opens has nothing in it."""
    assert_first_page_leads_to_everything(release)
    assert_charts_show_something(release, "ru")
    shown = levels_shown(release)
    for language in LANGUAGES:
        conclusions = (release / f"conclusions.{language}.md").read_text(encoding="utf-8")
        assert BROKEN.findall(conclusions) == []
        assert empty_sections(conclusions) == []
        assert empty_slides(release / f"presentation.{language}.pptx") == []
        dashboard = embedded(release / f"dashboard.{language}.html")
        assert empty_cards(dashboard) == []
        assert levels_on(dashboard).items() <= shown.items()


def without_scripts(page: Path) -> str:
    return re.sub(r"<script.*?</script>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def assert_first_page_leads_to_everything(release: Path) -> None:
    """Every link has its target, and every file of the release is a target."""
    pending, seen = [release / "index.html"], {release / "index.html"}
    while pending:
        page = pending.pop()
        if page.suffix != ".html" or page.parent.name == "docs":
            continue
        for link in re.findall(r'(?:href|src)="(?!data:)(.*?)"', without_scripts(page)):
            assert link, f"{page.name} has a link to nowhere"
            path, _, anchor = unquote(html.unescape(link)).partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), f"{page.name} points at {path}"
            assert not anchor or f'id="{anchor}"' in without_scripts(target)
            if target not in seen:
                seen.add(target)
                pending.append(target)
    assert {path for path in release.rglob("*") if path.is_file()} == seen


def assert_charts_show_something(release: Path, language: Language) -> None:
    """Drawn anew from the published marts: something in every panel, and no text cut or over another one."""
    with chart_style():
        figures = drawn(read_marts(release / "bank_marts.duckdb"), language)
    published = {path.name for path in (release / "charts").glob(f"*.{language}.png")}
    assert published == {f"{name}.{language}.png" for name in figures}
    for name, figure in figures.items():
        assert figure.get_suptitle(), name
        assert all(axes.has_data() for axes in figure.axes if axes.get_visible() and axes.axison), name


def empty_sections(markdown: str) -> list[str]:
    """Headings that another of their level or above follows, or nothing."""
    lines = [line for line in markdown.splitlines() if line.strip()]
    levels = [len(line) - len(line.lstrip("#")) for line in lines]
    pairs = pairwise([*zip(lines, levels, strict=True), ("", 1)])
    return [line for (line, level), (_, following) in pairs if level and 0 < following <= level]


def empty_slides(path: Path) -> list[str]:
    """Slides without a title, or with nothing but one."""
    assert BROKEN.findall(deck_texts(path)) == []
    found = []
    for number, slide in enumerate(Presentation(str(path)).slides, start=1):
        title = slide.shapes.title
        filled = [
            shape
            for shape in slide.shapes
            if shape.has_chart or shape.has_table or (shape.has_text_frame and shape.text_frame.text.strip())
        ]
        if not title or not title.text_frame.text.strip() or len(filled) < 2:
            found.append(f"{path.name}, slide {number}")
        found += [
            f"{path.name}, slide {number}: {shape.name}"
            for shape in slide.placeholders
            if shape.has_text_frame and not shape.text_frame.text.strip()
        ]
    return found


def empty_cards(dashboard: dict[str, Any]) -> list[str]:
    """Cards of a dashboard without two levels to compare; every trait of its cube has a card."""
    assert {view["id"] for view in dashboard["views"]} >= {*dashboard["cube"]["dimensions"]} - {"segment_ids"}
    assert dashboard["cube"]["cells"]
    return [view["id"] for view in dashboard["views"] if len(view["levels"]) < 2]


def levels_on(dashboard: dict[str, Any]) -> dict[str, set[str]]:
    """The levels of each trait on a dashboard; clients without a value are in none."""
    cube = dashboard["cube"]
    found = dict(zip(cube["dimensions"], ({*levels} - {""} for levels in cube["levels"]), strict=True))
    del found["segment_ids"]
    return found


def levels_shown(release: Path) -> dict[str, set[str]]:
    """The levels of each trait that the conclusions may name, those that they hide under one name."""
    portrait = read_marts(release / "bank_marts.duckdb").fct_churn_portrait
    names = portrait["level"].mask(portrait["is_too_small"], "__other__")
    return {str(trait): set(levels) for trait, levels in names.groupby(portrait["trait"])}
