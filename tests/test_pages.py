"""Every HTML page of a release in a real browser without a network, and the way from the first page to all the rest."""

import base64
import html
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from pptx import Presentation
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from bank_segments.marts import Marts
from bank_segments.outputs.dashboard import write_dashboards
from bank_segments.outputs.deck import write_deck
from bank_segments.outputs.pages import INDEX
from bank_segments.release.disclosure import published_cube
from bank_segments.words import LANGUAGES, Language
from chromium import assert_quiet, open_file
from conftest import SAMPLE, rows_in
from hostile_release import CITIES, CLIENTS, Published, hostile_release
from needed import missing
from test_bi_clients import HOME, needed

PAGES = [
    "conclusions.en.html",
    "conclusions.ru.html",
    "dashboard.en.html",
    "dashboard.ru.html",
    "data_quality/index.en.html",
    "data_quality/index.html",
    "docs/index.html",
    "index.en.html",
    "index.html",
]
OURS = [page for page in PAGES if page != "docs/index.html"]
# The rules that WCAG 2.1 sets at the levels A and AA, and what axe-core holds for good practice beside them.
FAULTS = """
    const done = arguments[0];
    axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }).then((found) =>
        done(found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)}`))));
"""


SMALLEST = """
    return Math.min(...[...document.querySelectorAll('p, li, td, th, dd')].filter((each) => each.innerText)
        .map((each) => parseFloat(getComputedStyle(each).fontSize)));
"""
# How far each chart of a dashboard reaches beyond its card, in pixels.
BEYOND = """
    return [...document.querySelectorAll('.chart svg')].map((svg) => svg.getBoundingClientRect().right
        - svg.closest('.card').getBoundingClientRect().right)
"""
FILTER = "dashboardToggle('city', 0); dashboardToggle('age_band', 1); return dashboardSettled()"
SYNTHETIC = re.compile("синтетические|вымышленные|ynthetic")
# A telephone and a desk, a light and a dark screen.
SCREENS = ((390, "light"), (1280, "light"), (1280, "dark"))


def opened(browser: webdriver.Chrome, page: Path, width: int = 1280) -> None:
    """Open a page and wait until its scripts and pictures are done."""
    open_file(browser, page, width)
    if page.name.startswith("dashboard"):
        browser.execute_script("return dashboardSettled()")
    if page.parent.name == "docs":
        WebDriverWait(browser, 30).until(
            lambda chrome: "fct_churn_portrait" in chrome.find_element(By.TAG_NAME, "body").text
        )
    browser.execute_script("document.querySelectorAll('img').forEach((image) => { image.loading = 'eager'; })")
    WebDriverWait(browser, 30).until(
        lambda chrome: chrome.execute_script("return [...document.images].every((image) => image.complete)")
    )


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    return needed(HOME / "npm/node_modules/axe-core/axe.min.js", "axe-core").read_text(encoding="utf-8")


def assert_readable(browser: webdriver.Chrome, page: Path, screens: Iterable[tuple[int, str]], axe: str = "") -> None:
    """On these screens by eye, a dashboard also filtered, and, with the script of axe-core, by ear."""
    for width, scheme in screens:
        colours = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": colours})
        opened(browser, page, width)
        browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        if axe:
            browser.execute_script(axe)
            assert browser.execute_async_script(FAULTS) == []
        assert browser.execute_script(SMALLEST) >= 12
        if page.name.startswith("dashboard"):
            browser.execute_script(FILTER)
            assert max(browser.execute_script(BEYOND)) < 0
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_these_are_all_pages(sample_release: Path) -> None:
    found = (path.relative_to(sample_release).as_posix() for path in sample_release.rglob("*.html"))
    assert sorted(found) == PAGES


@pytest.mark.parametrize("name", PAGES)
def test_every_page_can_be_read_without_a_network(
    name: str, sample_release: Path, browser: webdriver.Chrome, axe: str
) -> None:
    opened(browser, sample_release / name)
    text = browser.find_element(By.TAG_NAME, "body").text
    assert len(text) > 500
    if name in OURS:
        assert SYNTHETIC.search(text.splitlines()[0])
        language = browser.find_element(By.TAG_NAME, "html").get_attribute("lang")
        assert language == ("en" if ".en." in name else "ru")
        # Both languages have the same style: one is looked at on every screen.
        screens = SCREENS if language == "ru" else SCREENS[:1]
        assert_readable(browser, sample_release / name, screens, axe)
    assert_quiet(browser)


@pytest.mark.parametrize(("exposure", "pictures", "rows"), [("faults", 0, 150), ("bi_marts", 2, 20)])
def test_the_documentation_shows_tables_and_pictures(
    exposure: str, pictures: int, rows: int, sample_release: Path, browser: webdriver.Chrome
) -> None:
    browser.get("about:blank")  # another address in the same page is no new page
    docs = (sample_release / "docs/index.html").as_uri()
    browser.get(f"{docs}#!/exposure/exposure.bank_segments.{exposure}")
    WebDriverWait(browser, 30).until(
        lambda chrome: len(chrome.find_elements(By.CSS_SELECTOR, "table tbody tr")) >= rows
    )
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('.model-markdown img')].map((image) => image.naturalWidth)"
    )
    assert len(sizes) == pictures
    assert all(sizes)
    assert_quiet(browser)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_first_page_tells_what_was_run_on_what(
    language: Language, sample_release: Path, browser: webdriver.Chrome
) -> None:
    opened(browser, sample_release / INDEX[language])
    run = json.loads((sample_release / "run.json").read_text(encoding="utf-8"))
    ((*counts,),) = rows_in(
        sample_release / "bank_marts.duckdb",
        "select read_rows, accepted_rows, rejected_rows from quality.row_counts",
    )
    shown = [each.text for each in browser.find_elements(By.CSS_SELECTOR, ".figure .value")]
    assert [int(re.sub(r"\D", "", text)) for text in shown] == counts
    text = browser.find_element(By.TAG_NAME, "body").text
    time = {"ru": r"\3.\2.\1 в \4:\5", "en": r"\1-\2-\3 at \4:\5"}[language]
    built = re.sub(r"(....)(..)(..)T(..)(..).*", time, run["run_id"])
    for part in (run["run_id"], run["input"]["file"], run["input"]["sha256"], built):
        assert part in text
    quality = (sample_release / "data_quality" / INDEX[language]).read_text(encoding="utf-8")
    verdict = re.findall(r'class="verdict \w+"><h2>(.*?)</h2>', quality)
    assert [browser.find_element(By.CSS_SELECTOR, ".verdict h2").text] == verdict


def test_rejected_rows_of_a_hostile_file_are_counted(hostile: Published) -> None:
    run = json.loads((hostile.release / "run.json").read_text(encoding="utf-8"))
    accepted, rejected = len(hostile.accepted), len(hostile.rejected)
    assert run["rows"] == {"read": accepted + rejected, "accepted": accepted, "rejected": rejected}


def test_findings_and_decks_say_whether_the_data_are_synthetic(sample_release: Path, hostile: Published) -> None:
    for release, is_synthetic in ((sample_release, True), (hostile.release, False)):
        for language in LANGUAGES:
            findings = (release / f"conclusions.{language}.md").read_text(encoding="utf-8")
            slides = Presentation(str(release / f"presentation.{language}.pptx")).slides
            told = [findings.splitlines()[0], *(slide.shapes._spTree.xpath("string(.)") for slide in slides)]
            assert {bool(SYNTHETIC.search(each)) for each in told} == {is_synthetic}


def test_another_run_writes_the_same_bytes(
    sample_release: Path, sample_warehouse: Path, marts: Marts, tmp_path: Path
) -> None:
    names: dict[str, Any] = {"input_name": SAMPLE.name, "is_synthetic": True}
    decks = [write_deck(marts, tmp_path, language, **names) for language in LANGUAGES]
    write_dashboards(marts, published_cube(sample_warehouse), tmp_path, **names)
    for path in (*decks, *(tmp_path / f"dashboard.{language}.html" for language in LANGUAGES)):
        assert path.read_bytes() == (sample_release / path.name).read_bytes(), path.name


def words_in(page: str) -> list[str]:
    """Everything that is read, without the table of contents."""
    silent = r"<nav.*?</nav>|<style>.*?</style>|<title>.*?</title>|<.*?>"
    return html.unescape(re.sub(silent, "", page, flags=re.DOTALL)).split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_conclusions_are_the_markdown_with_its_charts(language: Language, sample_release: Path) -> None:
    page = (sample_release / f"conclusions.{language}.html").read_text(encoding="utf-8")
    markdown = (sample_release / f"conclusions.{language}.md").read_text(encoding="utf-8")
    texts = (page, MarkdownIt().enable("table").render(markdown))
    # In the place of a picture, what stands for it.
    read, written = (words_in(re.sub(r'<img[^>]* alt="(.+?)".*?>', r"\1", text)) for text in texts)
    assert read == written
    pictures = re.findall(r"!\[.+?\]\(charts/(.*?)\)", markdown)
    assert sorted(pictures) == sorted(path.name for path in (sample_release / "charts").glob(f"*.{language}.png"))


def test_the_conclusions_can_be_printed(sample_release: Path, browser: webdriver.Chrome, tmp_path: Path) -> None:
    """On A4 in landscape, every word and every chart, whole pages of each."""
    page = sample_release / "conclusions.ru.html"
    opened(browser, page)
    printed = tmp_path / "printed.pdf"
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"]
    printed.write_bytes(base64.b64decode(pdf))
    found = re.findall(r"Page +\d+ size: +([\d.]+) x ([\d.]+)", tool("pdfinfo", "-l", "99", str(printed)))
    assert {(round(float(width)), round(float(height))) for width, height in found} == {(842, 595)}
    assert 5 <= len(found) <= 22
    words = set(tool("pdftotext", "-raw", str(printed), "-").split())
    missing = [word for word in words_in(page.read_text(encoding="utf-8")) if word not in words]
    assert len(missing) < 5, missing  # a hyphenated word may be broken over two lines
    pictures = re.findall(r"^ +(\d+) +\d+ image", tool("pdfimages", "-list", str(printed)), re.MULTILINE)
    assert len(pictures) == 9


def test_the_dashboard_is_printed_with_whole_charts(sample_release: Path, browser: webdriver.Chrome) -> None:
    """Drawn for a wide screen, printed on A4: 1046 pixels between the margins in landscape, 718 in portrait."""
    for width in (1046, 718):
        opened(browser, sample_release / "dashboard.ru.html")
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 700, "deviceScaleFactor": 1, "mobile": False},
        )
        cut = browser.execute_script(BEYOND)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
        assert len(cut) > 8
        assert max(cut) < 0


def tool(*command: str) -> str:
    """What a program of poppler prints."""
    if not shutil.which(command[0]):
        missing(f"{command[0]} of poppler-utils is not installed")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# A client file that means harm


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Published:
    return hostile_release(tmp_path_factory)


@pytest.mark.parametrize("name", PAGES)
def test_a_hostile_file_does_no_harm_on_any_page(name: str, hostile: Published, browser: webdriver.Chrome) -> None:
    """Nor is what means harm hidden: names are text."""
    opened(browser, hostile.release / name)
    text = browser.find_element(By.TAG_NAME, "body").text
    shown = {"dashboard.ru.html": CITIES, "conclusions.ru.html": CITIES[:1]}.get(name, ())
    assert all(" ".join(city.split()) in " ".join(text.split()) for city in shown)
    if name in OURS:
        assert CLIENTS in text
        assert not SYNTHETIC.search(text.splitlines()[0])
        assert_readable(browser, hostile.release / name, SCREENS[:2])
    if name.startswith("dashboard"):
        # Where the pointer rests on a bar, a tooltip names its level.
        for bar in browser.find_elements(By.CSS_SELECTOR, ".chart g.role-mark:last-of-type path:first-of-type"):
            browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
            ActionChains(browser).move_to_element(bar).pause(0.1).perform()
    with pytest.raises(NoAlertPresentException):
        _ = browser.switch_to.alert.text
    sources = browser.execute_script("return [...document.images].map((image) => image.getAttribute('src'))")
    assert all(re.match(r"data:image/|charts/\w+\.\w+\.png$", source) for source in sources)
    assert_quiet(browser)
