"""The dashboard in a real browser without a network: every figure is what SQL counts in the cube of the page."""

import random
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from statsmodels.stats.proportion import proportion_confint

from bank_segments import register_rows
from bank_segments.marts import Marts
from bank_segments.outputs.dashboard import proposals
from bank_segments.words import LANGUAGES, MISSING, SPACE, Language, Words
from chromium import assert_quiet, open_file
from conftest import rows_in
from output_cases import cells_of, embedded

# How many filters of several views at once; the script behind both languages is the same.
COMBINATIONS: dict[Language, int] = {"en": 50, "ru": 10}

# Which column, or pair of columns, of the embedded cube tells the level of each view.
LEVELS = {
    "city": "[city]",
    "gender": "[gender]",
    "age_band": "[age_band]",
    "product_count": "[product_count]",
    "is_loyal": "[is_loyal]",
    "has_credit_card": "[has_credit_card]",
    "has_balance": "[has_balance]",
    "segment": "case when segment_ids = '' then ['none'] else string_split(segment_ids, ',') end",
    "curve": "[city || '|' || age_band]",
}

# Who left is set by a rule: the segments that say it of their clients, and who is in none because of that.
RULED = {row["segment_id"] for row in register_rows("segment_rules") if row["column_name"] == "is_churned"} | {"none"}

Filters = dict[str, list[str]]


# The pages and the browser


@dataclass(frozen=True, eq=False)
class Page:
    """One dashboard: its file, what is embedded in it, and the levels that each of its cells belongs to in DuckDB."""

    path: Path
    language: Language
    content: dict[str, Any]
    cube: duckdb.DuckDBPyConnection

    @property
    def views(self) -> dict[str, dict[str, str]]:
        """The levels of each view with their labels."""
        return {view["id"]: {level["id"]: level["label"] for level in view["levels"]} for view in self.content["views"]}


@pytest.fixture(scope="module")
def pages(sample_release: Path) -> dict[Language, Page]:
    found = {}
    for language in LANGUAGES:
        path = sample_release / f"dashboard.{language}.html"
        content, connection = embedded(path), duckdb.connect()
        connection.register("cells", cells_of(content))
        members = ", ".join(f"{levels} as m_{view}" for view, levels in LEVELS.items())
        connection.execute(f"create table cube as select {members}, stayed + churned as clients, churned from cells")
        found[language] = Page(path, language, content, connection)
    return found


def load(browser: webdriver.Chrome, page: Page) -> None:
    open_file(browser, page.path)
    browser.execute_script("return dashboardSettled()")


def state(browser: webdriver.Chrome) -> dict[str, Any]:
    found: dict[str, Any] = browser.execute_script("return dashboardSettled().then(() => dashboardState())")
    return found


def chosen(browser: webdriver.Chrome) -> Filters:
    return {view: levels for view, levels in state(browser)["filter"].items() if levels}


def press(browser: webdriver.Chrome, *keys: str) -> None:
    ActionChains(browser).send_keys(*keys).perform()


def filtered(browser: webdriver.Chrome, filters: dict[str, list[int]]) -> dict[str, Any]:
    """The page's state under a filter, which is set from nothing by its own buttons."""
    script = """
        document.getElementById("reset").click();
        for (const [view, levels] of Object.entries(arguments[0]))
            levels.forEach((level) => dashboardToggle(view, level));
    """
    browser.execute_script(script, filters)
    return state(browser)


# What every figure has to be


def marked(text: str, clients: int, rough_below: int) -> str:
    """A churn rate, marked where the adjustment of small groups may have turned it far."""
    return f"≈{SPACE}{text}" if text != MISSING and clients < rough_below else text


def points(text: Words, rate: float | None, other: float | None) -> str:
    """A difference of two rates with its sign."""
    if rate is None or other is None:
        return MISSING
    size = text.points(abs(rate - other))
    return size if size == text.points(0) else ("+" if rate > other else "−") + size


def interval(text: Words, low: float | None, high: float | None) -> str:
    return MISSING if low is None or high is None else text.percent_between(low, high)


@cache
def rated(clients: int, churned: int, *, is_exact: bool = True) -> tuple[float | None, float | None, float | None]:
    if clients == 0 or (clients < 30 and not is_exact):
        return None, None, None
    low, high = proportion_confint(churned, clients, method="wilson")
    return churned / clients, float(low), float(high)


def counted(page: Page, filters: Filters, view: str = "") -> tuple[int, int, dict[str, tuple[int, int]]]:
    """Clients and churned clients that the filters of all other views leave, and those of each level of a view."""
    kept = {name: levels for name, levels in filters.items() if name != view and levels}
    where = " and ".join(f"list_has_any(m_{name}, ?::varchar[])" for name in kept) or "true"
    level = f"unnest(m_{view})" if view else "''"
    rows = page.cube.execute(
        f"""
        with kept as (select * from cube where {where})
        select null, coalesce(sum(clients), 0), coalesce(sum(churned), 0) from kept
        union all
        select level, sum(clients), sum(churned) from (select {level} as level, * from kept) group by level
        """,
        list(kept.values()),
    ).fetchall()
    counts = {level: (int(clients), int(churned)) for level, clients, churned in rows}
    return *counts.pop(None), counts


@cache
def whole_view(page: Page, view: str) -> dict[str, tuple[int, int]]:
    return counted(page, {}, view)[2]


def assert_state_is_right(page: Page, found: dict[str, Any]) -> None:
    """Every figure in tables, cards and charts equals SQL over the published cube."""
    filters, text = found["filter"], Words(page.language)
    clients, churned, _ = counted(page, filters)
    all_clients, all_churned, _ = counted(page, {})
    is_exact = not any(filters.values())
    rate, low, high = rated(clients, churned, is_exact=is_exact)
    bank_rate, bank_low, bank_high = rated(all_clients, all_churned)
    words = page.content["words"]
    assert [page.content[limit] for limit in ("roughBelow", "hiddenBelow", "hasExactTotals")] == [
        100,
        30,
        True,
    ]
    rough = 0 if is_exact else 100
    expected = {
        "clients": text.number(clients),
        "clients-beside": words["clientsBeside"].format(
            share=text.percent(clients / all_clients), bank=text.number(all_clients)
        ),
        "churned": text.number(churned),
        "churned-beside": words["churnedBeside"].format(
            share=text.percent(churned / all_churned), bank=text.number(all_churned)
        ),
        "rate": marked(text.percent(rate), clients, rough),
        "rate-beside": words["rateBeside"].format(
            interval=interval(text, low, high),
            bank=text.percent(bank_rate),
            bankInterval=interval(text, bank_low, bank_high),
            difference=points(text, rate, bank_rate),
        ),
    }
    assert {name: found["texts"][name] for name in expected} == expected, filters
    for view, labels in page.views.items():
        total, _, counts = counted(page, filters, view)
        rows, drawn = [], []
        for level, label in labels.items():
            clients, churned = counts.get(level, (0, 0))
            is_ruled = view == "segment" and level in RULED
            rate, low, high = (None,) * 3 if is_ruled else rated(clients, churned, is_exact=is_exact)
            share = clients / total if total else None
            usual = MISSING if is_ruled else text.percent(rated(*whole_view(page, view).get(level, (0, 0)))[0])
            shown = text.number(clients), text.percent(share), text.number(churned)
            churn = marked(text.percent(rate), clients, rough)
            rows.append([label, *shown, churn, interval(text, low, high), usual])
            drawn.append((level, clients, churned, rate, low, high, share))
        assert found["tables"][view] == rows, (view, filters)
        for chart in (chart for chart in found["charts"] if chart["id"] == view):
            column = {"counts": 1, "coverage": 2}.get(chart["chart"], 4)
            for row, wanted, told in zip(chart["rows"], drawn, rows, strict=True):
                names = ("level", "clients", "churned", "rate", "low", "high", "share")
                assert [row[name] for name in names] == pytest.approx(wanted, abs=1e-9), (view, filters)
                assert row["text"] == told[column]


# In the browser


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_and_many_combinations_show_what_sql_counts(
    language: Language, pages: dict[Language, Page], browser: webdriver.Chrome
) -> None:
    page = pages[language]
    load(browser, page)
    views = {view: list(labels) for view, labels in page.views.items()}
    filters: list[dict[str, list[int]]] = [{}]
    filters += [{view: [level]} for view, levels in views.items() for level in range(len(levels))]
    source = random.Random(f"dashboard {language}")
    for _ in range(COMBINATIONS[language]):
        some = source.sample(sorted(views), source.randint(1, 5))
        most = {view: max(1, len(views[view]) // 2) for view in some}
        filters.append({view: source.sample(range(len(views[view])), source.randint(1, most[view])) for view in some})
    for wanted in filters:
        found = filtered(browser, wanted)
        named = {view: [views[view][level] for level in levels] for view, levels in wanted.items()}
        assert {view: levels for view, levels in found["filter"].items() if levels} == named
        labels = [page.views[view][level] for view, levels in named.items() for level in levels]
        assert all(label in found["words"] for label in labels)
        assert_state_is_right(page, found)
    assert_quiet(browser)


def charts_of(browser: webdriver.Chrome) -> list[Any]:
    """The charts that filter, in the order of their views."""
    return browser.find_elements(By.CSS_SELECTOR, ".chart:not(#profit)")


def test_a_click_on_a_bar_or_point_filters_and_reset_clears(
    pages: dict[Language, Page], browser: webdriver.Chrome
) -> None:
    page = pages["ru"]
    load(browser, page)
    charts = charts_of(browser)
    assert len(charts) == sum(len(view["panels"]) for view in page.content["views"])
    spoken = page.content["words"]["seeTable"]
    assert all(chart.get_attribute("aria-label").endswith(spoken) for chart in charts)
    for chart in charts:
        # The last group of marks lies on top and takes the clicks.
        target = chart.find_elements(By.CSS_SELECTOR, "g.role-mark")[-1].find_elements(By.TAG_NAME, "path")[0]
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
        ActionChains(browser).move_to_element(target).click().perform()
        assert len(chosen(browser)) == 1
        assert_state_is_right(page, state(browser))
        browser.find_element(By.ID, "reset").click()
        assert chosen(browser) == {}
    assert_quiet(browser)


def test_levels_keep_their_order_when_a_filter_empties_some(
    pages: dict[Language, Page], browser: webdriver.Chrome
) -> None:
    page = pages["en"]
    load(browser, page)
    browser.execute_script("dashboardToggle('segment', 1)")
    rows = state(browser)["tables"]
    assert "0" in {row[1] for row in rows["age_band"]}, "the filter empties no age band"
    views = [view["id"] for view in page.content["views"] for _ in view["panels"]]
    for view, chart in zip(views, charts_of(browser), strict=True):
        if view != "curve":
            labels = list(page.views[view].values())
            texts = [text.text for text in chart.find_elements(By.CSS_SELECTOR, ".role-axis-label text")]
            assert [text for text in texts if text in labels] == labels


def test_works_by_keyboard_alone(pages: dict[Language, Page], browser: webdriver.Chrome) -> None:
    page = pages["ru"]
    load(browser, page)

    def tab_to(selector: str) -> None:
        for _ in range(60):
            press(browser, Keys.TAB)
            if browser.execute_script("return document.activeElement.matches(arguments[0])", selector):
                return
        pytest.fail(f"the Tab key never reaches {selector}")

    levels = list(page.views["product_count"])
    tab_to(".level")
    press(browser, Keys.ENTER)
    assert chosen(browser) == {"product_count": levels[:1]}
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    press(browser, Keys.TAB, Keys.SPACE)
    assert chosen(browser) == {"product_count": levels[:2]}
    assert browser.execute_script("return document.activeElement.getAttribute('aria-pressed')") == "true"
    tab_to("summary")
    press(browser, Keys.ENTER)
    assert browser.find_element(By.ID, "table-product_count").is_displayed()
    browser.execute_script("document.activeElement.blur()")
    browser.execute_script("document.body.tabIndex = -1; document.body.focus()")
    tab_to(".chip")
    press(browser, Keys.ENTER)
    assert chosen(browser) == {}


# What is embedded


def test_page_holds_nothing_but_the_cube_and_its_names(sample_warehouse: Path, pages: dict[Language, Page]) -> None:
    keys = rows_in(sample_warehouse, "select client_key from marts.dim_clients limit 50")
    names = {"cube", "views", "words", "numbers", "proposals", "specs"}
    for page in pages.values():
        assert set(page.content) == names | {"roughBelow", "hiddenBelow", "hasExactTotals"}
        numbers = {key for view in page.content["views"] for key, value in view.items() if type(value) is int}
        assert numbers <= {"dimension", "bandDimension", "bands"}
        assert page.path.stat().st_size < 1_500_000
        text = page.path.read_text(encoding="utf-8")
        assert not any(str(key) in text for (key,) in keys)


# What if a kept client is worth less, or more?


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_slider_moves_the_worth_of_a_kept_client(
    browser: webdriver.Chrome, pages: dict[Language, Page], sample_warehouse: Path, language: Language
) -> None:
    """By key; each profit is that of the marts with another value, in the chart and in the table."""
    load(browser, pages[language])
    slider, text, quotes = browser.find_element(By.ID, "worth"), Words(language), {"ru": "«»", "en": "“”"}[language]
    for keys, worth in (([], 100), ([Keys.ARROW_LEFT] * 10, 50), ([Keys.HOME], 0), ([Keys.END], 200)):
        slider.send_keys(*keys or [""])
        expected = rows_in(
            sample_warehouse,
            f"""
            select
                '{quotes[0]}' || name_{language} || '{quotes[1]} — ' || title_{language},
                value_of_kept_client * {worth} / 100,
                profit + target_clients * expected_churn_rate * save_rate
                * value_of_kept_client * ({worth} - 100) / 100
            from marts.fct_retention_economics
            inner join marts.fct_retention_proposals using (proposal_id, target_clients)
            inner join marts.dim_segments on fct_retention_economics.segment_id = dim_segments.segment_id
            where scenario = 'central' order by proposal_rank
            """,
        )
        found = state(browser)["profits"]
        assert [(row["label"], row["worth"], row["profit"]) for row in found] == [
            (label, pytest.approx(value), pytest.approx(profit, rel=1e-9)) for label, value, profit in expected
        ]
        rows = browser.find_elements(By.CSS_SELECTOR, "#profits tr")
        assert [row.get_attribute("textContent") for row in rows] == [
            label + "".join(map(text.number, figures)) for label, *figures in expected
        ]
        told = browser.find_element(By.ID, "worth-shown").get_attribute("textContent")
        assert told == text.percent(worth / 100, 0)
    assert_quiet(browser)


def test_no_proposal_for_too_few_clients_has_a_profit(marts: Marts) -> None:
    hidden = marts.fct_retention_proposals.assign(proposal_rank=[float("nan"), 1, float("nan"), 2])
    shown = proposals(replace(marts, fct_retention_proposals=hidden), Words("en"))
    assert [row["label"].partition(" — ")[2] for row in shown] == list(hidden["title_en"].iloc[[1, 3]])
