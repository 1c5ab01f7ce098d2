"""The dashboard in a real browser without a network, and the suppression of small groups behind it."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from statsmodels.stats.proportion import proportion_confint

from bank_segments import outputs
from bank_segments.marts import read_marts
from bank_segments.outputs.dashboard import proposals, write_dashboards
from bank_segments.release.disclosure import Cell, PublishedCube, publish, published_cube
from bank_segments.words import Words
from chromium import assert_quiet, open_file

MINIMUM_GROUP = 5
COMBINATIONS = 200
BATCH = 25
LANGUAGES = ("ru", "en")
NUMBERS = {"ru": ("\u00a0", ",", "\u00a0%"), "en": (",", ".", "%")}
HOSTILE = ("<img src=x onerror=alert(1)>", "Д" * 300, "=cmd()")

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


# -----------------------------------------------------------------------------------------------------------
# The pages and the browser
# -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Page:
    """One dashboard: its file, what is embedded in it, and its cube in DuckDB."""

    path: Path
    language: str
    content: dict[str, Any]
    cube: duckdb.DuckDBPyConnection

    @property
    def views(self) -> dict[str, list[str]]:
        """The levels of each view."""
        return {view["id"]: [level["id"] for level in view["levels"]] for view in self.content["views"]}

    @property
    def labels(self) -> dict[str, list[str]]:
        """The names of the levels of each view."""
        return {view["id"]: [level["label"] for level in view["levels"]] for view in self.content["views"]}


def open_page(path: Path) -> Page:
    found = re.search(
        r'<script type="application/json" id="content">(.*?)</script>',
        path.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    assert found
    content = json.loads(found[1])
    cube = content["cube"]
    rows = [
        [*(levels[code] for levels, code in zip(cube["levels"], cell, strict=False)), *cell[-2:]]
        for cell in cube["cells"]
    ]
    connection = duckdb.connect()
    columns = ", ".join(f"{name} varchar" for name in cube["dimensions"])
    connection.execute(f"create table cells ({columns}, stayed bigint, churned bigint)")
    if rows:
        connection.executemany(f"insert into cells values ({', '.join('?' * len(rows[0]))})", rows)
    members = ", ".join(f"{levels} as m_{view}" for view, levels in LEVELS.items())
    connection.execute(
        f"create table cube as select {members}, stayed + churned as clients, churned from cells"
    )
    return Page(path, path.suffixes[0][1:], content, connection)


@pytest.fixture(scope="module")
def cube(sample_warehouse: Path) -> PublishedCube:
    return published_cube(sample_warehouse)


@pytest.fixture(scope="module")
def pages(
    sample_warehouse: Path, cube: PublishedCube, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Page]:
    paths = write_dashboards(
        read_marts(sample_warehouse),
        cube,
        tmp_path_factory.mktemp("dashboard"),
        input_name="clients.parquet",
        is_synthetic=True,
    )
    assert [path.name for path in paths] == ["dashboard.ru.html", "dashboard.en.html"]
    return {page.language: page for page in map(open_page, paths)}


def load(browser: webdriver.Chrome, page: Page, width: int = 1280) -> None:
    open_file(browser, page.path, width)
    browser.execute_script("return dashboardSettled()")


def state(browser: webdriver.Chrome) -> dict[str, Any]:
    found: dict[str, Any] = browser.execute_script("return dashboardSettled().then(() => dashboardState())")
    return found


def chosen(browser: webdriver.Chrome) -> dict[str, list[str]]:
    return {view: levels for view, levels in state(browser)["filter"].items() if levels}


def states(browser: webdriver.Chrome, filters: list[dict[str, list[int]]]) -> Iterator[dict[str, Any]]:
    """The page's state under each filter, which is set from nothing by its own buttons."""
    script = """
        const found = [];
        for (const filter of arguments[0]) {
            document.getElementById("reset").click();
            for (const [view, levels] of Object.entries(filter))
                levels.forEach((level) => dashboardToggle(view, level));
            await dashboardSettled();
            found.push(dashboardState());
        }
        return found;
    """
    for start in range(0, len(filters), BATCH):
        yield from browser.execute_script(
            f"return (async function () {{{script}}}).apply(null, arguments)", filters[start : start + BATCH]
        )


# -----------------------------------------------------------------------------------------------------------
# What every figure has to be
# -----------------------------------------------------------------------------------------------------------


def one_decimal(value: float) -> str:
    return str(Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP))


@dataclass(frozen=True)
class Text:
    """Numbers as one language writes them."""

    language: str

    def count(self, value: int) -> str:
        """A number of clients."""
        return f"{value:,}".replace(",", NUMBERS[self.language][0])

    def percent(self, value: float | None) -> str:
        """A rate, a dash if there is none."""
        if value is None:
            return "—"
        return one_decimal(100 * value).replace(".", NUMBERS[self.language][1]) + NUMBERS[self.language][2]

    def points(self, rate: float | None, other: float | None) -> str:
        """A difference of two rates, a dash if one of them is missing."""
        if rate is None or other is None:
            return "—"
        size = one_decimal(abs(100 * (rate - other)))
        sign = "" if float(size) == 0 else "+" if rate > other else "−"
        unit = {"ru": "\u00a0п.\u00a0п.", "en": "\u00a0pp"}[self.language]
        return sign + size.replace(".", NUMBERS[self.language][1]) + unit

    def interval(self, low: float | None, high: float | None) -> str:
        """An interval, a dash if there is none."""
        if low is None:
            return "—"
        return self.percent(low).removesuffix(NUMBERS[self.language][2]) + "–" + self.percent(high)


@cache
def rated(clients: int, churned: int) -> tuple[float | None, float | None, float | None]:
    if clients == 0:
        return None, None, None
    low, high = proportion_confint(churned, clients, method="wilson")
    return churned / clients, float(low), float(high)


def is_same(one: float | str | None, two: float | str | None) -> bool:
    if isinstance(one, int | float) and isinstance(two, int | float):
        return abs(one - two) < 1e-9
    return one == two


def condition(filters: dict[str, list[str]], but: str = "") -> tuple[str, list[list[str]]]:
    """The filter in SQL, without the view that it does not filter."""
    kept = {view: levels for view, levels in filters.items() if view != but and levels}
    sql = " and ".join(f"list_has_any(m_{view}, ?::varchar[])" for view in kept) or "true"
    return sql, list(kept.values())


def expected_totals(page: Page, filters: dict[str, list[str]]) -> tuple[int, int]:
    where, values = condition(filters)
    row = page.cube.execute(
        f"select coalesce(sum(clients), 0), coalesce(sum(churned), 0) from cube where {where}", values
    ).fetchone()
    assert row
    return int(row[0]), int(row[1])


@cache
def whole_view(page: Page, view: str) -> dict[str, tuple[int, int]]:
    return expected_view(page, view, {})[1]


def expected_view(
    page: Page, view: str, filters: dict[str, list[str]]
) -> tuple[int, dict[str, tuple[int, int]]]:
    """Clients behind a view, and clients and churned clients of each of its levels."""
    where, values = condition(filters, view)
    rows = page.cube.execute(
        f"""
        with kept as (select * from cube where {where})
        select '' as level, coalesce(sum(clients), 0), coalesce(sum(churned), 0) from kept
        union all
        select level, sum(clients), sum(churned)
        from (select unnest(m_{view}) as level, clients, churned from kept)
        group by level
        """,
        values,
    ).fetchall()
    counts = {level: (int(clients), int(churned)) for level, clients, churned in rows}
    return counts.pop("")[0], counts


def assert_state_is_right(page: Page, found: dict[str, Any]) -> None:
    """Every figure in tables, cards and charts equals SQL over the published cube."""
    filters, text = found["filter"], Text(page.language)
    clients, churned = expected_totals(page, filters)
    all_clients, all_churned = expected_totals(page, {})
    rate, low, high = rated(clients, churned)
    bank_rate, bank_low, bank_high = rated(all_clients, all_churned)
    texts = found["texts"]
    assert (texts["clients"], texts["churned"]) == (text.count(clients), text.count(churned)), filters
    assert texts["rate"] == text.percent(rate), filters
    words = page.content["words"]
    assert texts["clients-beside"] == words["clientsBeside"].format(
        share=text.percent(clients / all_clients), bank=text.count(all_clients)
    ), filters
    assert texts["churned-beside"] == words["churnedBeside"].format(
        share=text.percent(churned / all_churned), bank=text.count(all_churned)
    ), filters
    assert texts["rate-beside"] == words["rateBeside"].format(
        interval=text.interval(low, high),
        bank=text.percent(bank_rate),
        bankInterval=text.interval(bank_low, bank_high),
        difference=text.points(rate, bank_rate),
    ), filters
    for view, levels in page.views.items():
        total, counts = expected_view(page, view, filters)
        whole = whole_view(page, view)
        rows, charts = [], []
        for level, label in zip(levels, page.labels[view], strict=True):
            level_clients, level_churned = counts.get(level, (0, 0))
            level_rate, level_low, level_high = rated(level_clients, level_churned)
            share = level_clients / total if total else None
            rows.append(
                [
                    label,
                    text.count(level_clients),
                    text.percent(share),
                    text.count(level_churned),
                    text.percent(level_rate),
                    text.interval(level_low, level_high),
                    text.percent(rated(*whole.get(level, (0, 0)))[0]),
                ]
            )
            charts.append((level, level_clients, level_churned, level_rate, level_low, level_high, share))
        assert found["tables"][view] == rows, (view, filters)
        for chart in found["charts"]:
            if chart["id"] != view:
                continue
            for row, wanted in zip(chart["rows"], charts, strict=True):
                drawn = [
                    row[name] for name in ("level", "clients", "churned", "rate", "low", "high", "share")
                ]
                assert all(map(is_same, drawn, wanted)), (view, filters, drawn, wanted)
                shown = {"counts": text.count(wanted[1]), "coverage": text.percent(wanted[6])}
                assert row["text"] == shown.get(chart["chart"], text.percent(wanted[3]))


# -----------------------------------------------------------------------------------------------------------
# In the browser
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_value_and_many_combinations_show_what_sql_counts(
    language: str, pages: dict[str, Page], browser: webdriver.Chrome
) -> None:
    page = pages[language]
    load(browser, page)
    sizes = {view: len(levels) for view, levels in page.views.items()}
    single: list[dict[str, list[int]]] = [{}] + [
        {view: [level]} for view, size in sizes.items() for level in range(size)
    ]
    source = random.Random(f"dashboard {language}")
    several = [
        {
            view: sorted(source.sample(range(sizes[view]), source.randint(1, max(1, sizes[view] // 2))))
            for view in source.sample(sorted(sizes), source.randint(1, 5))
        }
        for _ in range(COMBINATIONS)
    ]
    filters = single + several
    seen = 0
    for wanted, found in zip(filters, states(browser, filters), strict=True):
        named = {view: [page.views[view][level] for level in levels] for view, levels in wanted.items()}
        assert {view: levels for view, levels in found["filter"].items() if levels} == named
        for view, levels in wanted.items():
            assert all(page.labels[view][level] in found["words"] for level in levels)
        assert_state_is_right(page, found)
        seen += 1
    assert seen == len(filters) >= COMBINATIONS + sum(sizes.values())
    assert_quiet(browser)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_click_on_a_bar_or_point_filters_and_reset_clears(
    language: str, pages: dict[str, Page], browser: webdriver.Chrome
) -> None:
    page = pages[language]
    load(browser, page)
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart:not(#profit)")
    assert len(charts) == sum(len(view["panels"]) for view in page.content["views"])
    for chart in charts:
        # The last group of marks lies on top and takes the clicks.
        target = chart.find_elements(By.CSS_SELECTOR, "g.role-mark")[-1].find_elements(By.TAG_NAME, "path")[0]
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
        ActionChains(browser).move_to_element(target).click().perform()
        assert len(chosen(browser)) == 1
        assert_state_is_right(page, state(browser))
        browser.find_element(By.ID, "reset").click()
        assert chosen(browser) == {}
    ActionChains(browser).move_to_element(charts[0]).perform()
    assert_quiet(browser)


def test_levels_keep_their_order_when_a_filter_empties_some(
    pages: dict[str, Page], browser: webdriver.Chrome
) -> None:
    page = pages["en"]
    load(browser, page)
    browser.execute_script("dashboardToggle('segment', 1)")
    rows = state(browser)["tables"]
    assert "0" in {row[1] for row in rows["age_band"]}, "the filter empties no age band"
    charts = browser.find_elements(By.CSS_SELECTOR, ".chart:not(#profit)")
    views = [view["id"] for view in page.content["views"] for _ in view["panels"]]
    for view, chart in zip(views, charts, strict=True):
        if view != "curve":
            texts = [text.text for text in chart.find_elements(By.CSS_SELECTOR, ".role-axis-label text")]
            assert [text for text in texts if text in page.labels[view]] == page.labels[view]


def test_works_by_keyboard_alone(pages: dict[str, Page], browser: webdriver.Chrome) -> None:
    page = pages["ru"]
    load(browser, page)

    def tab_to(selector: str) -> None:
        for _ in range(60):
            ActionChains(browser).send_keys(Keys.TAB).perform()
            if browser.execute_script("return document.activeElement.matches(arguments[0])", selector):
                return
        pytest.fail(f"the Tab key never reaches {selector}")

    tab_to(".level")
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert chosen(browser) == {"product_count": [page.views["product_count"][0]]}
    outline = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    ActionChains(browser).send_keys(Keys.TAB).send_keys(Keys.SPACE).perform()
    assert chosen(browser) == {"product_count": page.views["product_count"][:2]}
    assert browser.execute_script("return document.activeElement.getAttribute('aria-pressed')") == "true"
    tab_to("summary")
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert browser.find_element(By.ID, "table-product_count").is_displayed()
    browser.execute_script("document.activeElement.blur()")
    browser.execute_script("document.body.tabIndex = -1; document.body.focus()")
    tab_to(".chip")
    ActionChains(browser).send_keys(Keys.ENTER).perform()
    assert chosen(browser) == {}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("width", [390, 1280])
def test_fits_the_screen(
    language: str, width: int, pages: dict[str, Page], browser: webdriver.Chrome
) -> None:
    page = pages[language]
    load(browser, page, width)
    for toggle in (
        "",
        "document.querySelectorAll('details').forEach((each) => { each.open = true; });",
        "city",
    ):
        if toggle == "city":
            browser.execute_script("dashboardToggle('city', 0); dashboardToggle('age_band', 1)")
        else:
            browser.execute_script(toggle)
        state(browser)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script(
            "return [...document.querySelectorAll('.chart')].every((chart) =>"
            " chart.querySelector('svg').getBoundingClientRect().right <= chart.getBoundingClientRect().right + 1)"
        )


def test_says_that_data_are_synthetic_only_if_they_are(
    sample_warehouse: Path,
    cube: PublishedCube,
    pages: dict[str, Page],
    tmp_path: Path,
    browser: webdriver.Chrome,
) -> None:
    load(browser, pages["en"])
    assert browser.find_element(By.TAG_NAME, "body").text.startswith("The data are synthetic")
    load(browser, pages["ru"])
    assert browser.find_element(By.TAG_NAME, "body").text.startswith("Данные синтетические")
    for path in write_dashboards(
        read_marts(sample_warehouse), cube, tmp_path, input_name="clients.csv", is_synthetic=False
    ):
        assert 'class="synthetic"' not in path.read_text(encoding="utf-8")


def test_hostile_text_stays_text(
    sample_warehouse: Path, cube: PublishedCube, tmp_path: Path, browser: webdriver.Chrome
) -> None:
    marts = read_marts(sample_warehouse)
    position = cube.dimensions.index("city")
    names = sorted({cell.levels[position] for cell in cube.cells})
    renamed = dict(zip(names, HOSTILE, strict=False))
    hostile = marts.dim_trait_levels["level"].map(renamed)
    columns = ("level", "label_ru", "label_en")
    labels = marts.dim_trait_levels.assign(
        **{column: hostile.fillna(marts.dim_trait_levels[column]) for column in columns}
    )
    cells = (
        replace(cell, levels=tuple(renamed.get(level, level) for level in cell.levels)) for cell in cube.cells
    )
    input_name = "</script><script>alert(2)</script>.csv"
    paths = write_dashboards(
        replace(marts, dim_trait_levels=labels),
        replace(cube, cells=tuple(cells)),
        tmp_path,
        input_name=input_name,
        is_synthetic=False,
    )
    for path in paths:
        page = open_page(path)
        for width in (1280, 390):
            load(browser, page, width)
            for position in range(len(page.views["city"])):
                browser.execute_script("dashboardToggle('city', arguments[0])", position)
            assert_state_is_right(page, state(browser))
            for chart in browser.find_elements(By.CSS_SELECTOR, ".chart")[4:6]:
                browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", chart)
                target = chart.find_elements(By.CSS_SELECTOR, "g.role-mark")[-1].find_elements(
                    By.TAG_NAME, "path"
                )[0]
                ActionChains(browser).move_to_element(target).pause(0.1).perform()
            assert browser.execute_script("return document.documentElement.scrollWidth") <= width
            assert browser.execute_script("return document.querySelectorAll('img, iframe').length") == 0
            with pytest.raises(NoAlertPresentException):
                _ = browser.switch_to.alert.text
        assert input_name in browser.find_element(By.TAG_NAME, "header").text
        assert set(renamed.values()) <= set(page.labels["city"])
    assert_quiet(browser)


# -----------------------------------------------------------------------------------------------------------
# The published numbers and the marts
# -----------------------------------------------------------------------------------------------------------


def test_totals_equal_the_marts(sample_warehouse: Path, pages: dict[str, Page]) -> None:
    page = pages["en"]
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        portrait = connection.execute(
            "select trait, level, clients, churned_clients from marts.fct_churn_portrait"
        ).fetchall()
        segments = connection.execute(
            "select 'segment', segment_id, clients, churned_clients from marts.fct_segment_metrics"
        ).fetchall()
        curve = connection.execute(
            "select 'curve', city || '|' || age_band, sum(clients), sum(churned_clients) "
            "from marts.rpt_dashboard_cube group by all"
        ).fetchall()
    checked = 0
    for view, level, clients, churned in portrait + segments + curve:
        is_small = 0 < churned < MINIMUM_GROUP or 0 < clients - churned < MINIMUM_GROUP
        if view in page.views and not is_small:
            counts = expected_view(page, view, {})[1]
            assert counts.get(level, (0, 0)) == (clients, churned), (view, level)
            checked += 1
    assert checked >= 0.8 * sum(len(levels) for levels in page.views.values())


def distances(page: Page, connection: duckdb.DuckDBPyConnection, traits: int) -> tuple[int, list[float]]:
    """How far the page is from the mart where so many traits meet.

    Returns the largest difference in clients who left or stayed, and the differences in churn rates (percentage points)
    of groups that have 100 clients in both.
    """
    largest, rates = 0, [0.0]
    for names in combinations(page.content["cube"]["dimensions"], traits):
        columns = ", ".join(names)
        rows = connection.execute(
            f"""
            with truth as (
                select
                    {", ".join(f"cast({name} as varchar) as {name}" for name in names)},
                    sum(clients) filter (where not is_churned) as stayed,
                    sum(clients) filter (where is_churned) as churned
                from bank.marts.rpt_dashboard_cube group by all
            ), shown as (
                select {columns}, sum(stayed) as stayed, sum(churned) as churned from page group by all
            )
            select
                coalesce(truth.stayed, 0), coalesce(truth.churned, 0),
                coalesce(shown.stayed, 0), coalesce(shown.churned, 0)
            from truth full join shown using ({columns})
            """
        ).fetchall()
        for stayed, churned, shown_stayed, shown_churned in rows:
            largest = max(largest, abs(int(stayed - shown_stayed)), abs(int(churned - shown_churned)))
            if min(stayed + churned, shown_stayed + shown_churned) >= 100:
                rate, shown_rate = (
                    churned / (stayed + churned),
                    shown_churned / (shown_stayed + shown_churned),
                )
                rates.append(100 * abs(float(rate - shown_rate)))
    return largest, rates


def test_the_page_states_how_far_its_filtered_numbers_are_from_the_mart(
    sample_warehouse: Path, pages: dict[str, Page], browser: webdriver.Chrome
) -> None:
    """Suppression costs exactness under a filter: what the page says that it costs is what DuckDB measures."""
    page = pages["en"]
    with duckdb.connect() as connection:
        connection.execute(f"attach '{sample_warehouse}' as bank (read_only)")
        cells = page.cube.execute("select * from cells").df()
        connection.register("page", cells)
        columns = page.content["cube"]["dimensions"]
        ((moved, clients),) = connection.execute(
            f"""
            with truth as (
                select {", ".join(f"cast({name} as varchar) as {name}" for name in columns)},
                    cast(sum(clients) filter (where not is_churned) as bigint) as true_stayed,
                    cast(sum(clients) filter (where is_churned) as bigint) as true_churned
                from bank.marts.rpt_dashboard_cube group by all
            )
            select
                sum(
                    greatest(0, coalesce(true_stayed, 0) - coalesce(stayed, 0))
                    + greatest(0, coalesce(true_churned, 0) - coalesce(churned, 0))
                ),
                sum(coalesce(true_stayed, 0) + coalesce(true_churned, 0))
            from truth full join page using ({", ".join(columns)})
            """
        ).fetchall()
        pair, pair_rates = distances(page, connection, 2)
        triple, triple_rates = distances(page, connection, 3)
    usual = [sorted(rates)[int(0.95 * len(rates))] for rates in (pair_rates, triple_rates)]
    worst = [max(pair_rates), max(triple_rates)]
    first = [MINIMUM_GROUP, moved, 100 * moved / clients, MINIMUM_GROUP, pair, triple, 100]
    wanted = {"en": [*first, *usual, 95, *worst], "ru": [*first, 95, *usual, *worst]}
    assert pair > 0
    assert triple > pair
    for language in LANGUAGES:
        load(browser, pages[language])
        text = browser.find_element(By.ID, "protection").text
        thousands, decimal, _ = NUMBERS[language]
        plain = re.sub(rf"(?<=\d){thousands}(?=\d{{3}})", "", text)
        numbers = [
            float(found.replace(decimal, ".")) for found in re.findall(rf"\d+(?:\{decimal}\d+)?", plain)
        ]
        assert numbers == pytest.approx(wanted[language], abs=0.1), text


def test_no_embedded_cell_is_small(pages: dict[str, Page]) -> None:
    for page in pages.values():
        sizes = page.cube.execute(
            "select distinct clients - churned from cube union select churned from cube"
        ).fetchall()
        assert min(size for (size,) in sizes if size) >= MINIMUM_GROUP
        assert len(page.content["cube"]["cells"]) > 100


def test_no_difference_of_published_tables_is_small(sample_warehouse: Path, pages: dict[str, Page]) -> None:
    """An attacker subtracts whatever is published: tables of up to three traits, their cells, and the exact totals."""
    page = pages["ru"]
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        totals = connection.execute(
            "select trait, level, churned_clients, clients - churned_clients from marts.fct_churn_portrait"
        ).fetchall()
    small = range(1, MINIMUM_GROUP)
    names = page.content["cube"]["dimensions"]
    for trait, level, churned, stayed in totals:
        if trait in names:
            found = page.cube.execute(
                f"select coalesce(sum(churned), 0), coalesce(sum(stayed), 0) from cells where {trait} = ?",
                [level],
            ).fetchone()
            assert found
            for true, shown in ((churned, found[0]), (stayed, found[1])):
                assert true in small or abs(true - shown) not in small, (trait, level)
    for chosen_names in (*combinations(names, 1), *combinations(names, 2)):
        for third in set(names) - set(chosen_names):
            differences = page.cube.execute(
                f"""
                with coarse as (
                    select {", ".join(chosen_names)}, sum(churned) as c, sum(stayed) as s from cells group by all
                ), fine as (
                    select {", ".join(chosen_names)}, {third}, sum(churned) as c, sum(stayed) as s
                    from cells group by all
                )
                select coarse.c - fine.c, coarse.s - fine.s from coarse join fine using ({", ".join(chosen_names)})
                """
            ).fetchall()
            assert not {int(value) for row in differences for value in row} & set(small)


def test_page_holds_nothing_but_the_cube_and_its_names(
    sample_warehouse: Path, pages: dict[str, Page]
) -> None:
    for page in pages.values():
        assert set(page.content) == {"cube", "views", "words", "numbers", "proposals", "specs"}
        numbers = {
            key
            for view in page.content["views"]
            for key, value in view.items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        }
        assert numbers <= {"dimension", "bandDimension", "bands"}
        assert page.path.stat().st_size < 1_500_000
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        keys = connection.execute("select client_key from marts.dim_clients limit 50").fetchall()
    text = pages["ru"].path.read_text(encoding="utf-8")
    assert not any(str(key) in text for (key,) in keys)


def test_pages_repeat_byte_by_byte(sample_warehouse: Path, pages: dict[str, Page], tmp_path: Path) -> None:
    again = write_dashboards(
        read_marts(sample_warehouse),
        published_cube(sample_warehouse),
        tmp_path,
        input_name="clients.parquet",
        is_synthetic=True,
    )
    assert [path.read_bytes() for path in again] == [
        pages[language].path.read_bytes() for language in LANGUAGES
    ]


# -----------------------------------------------------------------------------------------------------------
# Suppression on its own
# -----------------------------------------------------------------------------------------------------------


def random_cells(source: random.Random, traits: int, levels: int, cells: int, largest: int) -> list[Cell]:
    counts = Counter(
        {
            (
                tuple(str(source.randrange(levels)) for _ in range(traits)),
                source.random() < 0.3,
            ): source.randint(1, largest)
            for _ in range(cells)
        }
    )
    return [Cell(levels_, is_churned, clients) for (levels_, is_churned), clients in counts.items()]


@pytest.mark.parametrize("seed", range(25))
def test_any_cube_is_published_without_small_groups(seed: int) -> None:
    source = random.Random(seed)
    names = ("city", "age_band", "gender", "segment_ids")
    minimum = source.choice([2, 5, 10])
    cells = random_cells(source, 4, source.randint(1, 5), source.randint(1, 120), source.choice([2, 12, 60]))
    cube = publish(names, cells, minimum)
    assert all(cell.clients >= minimum for cell in cube.cells)
    known = {(cell.levels, cell.is_churned) for cell in cells}
    assert all(
        (cell.levels, cell.is_churned) in known or PublishedCube.other in cell.levels for cell in cube.cells
    )
    assert publish(names, reversed(cells), minimum) == cube
    assert cube.true_clients == sum(cell.clients for cell in cells)


def test_no_clients_and_too_few_clients_publish_nothing() -> None:
    assert publish(("city", "age_band"), [], 5, fixed=()).cells == ()
    few = publish(("city", "age_band"), [Cell(("a", "b"), True, 2)], 5, fixed=())
    assert few.cells == ()
    assert few.true_clients == 2


def test_rare_levels_are_joined() -> None:
    cells = [
        Cell((city, "x"), False, clients) for city, clients in (("a", 50), ("b", 40), ("c", 3), ("d", 1))
    ]
    cube = publish(("city", "age_band"), cells, 5, fixed=())
    assert {cell.levels[0] for cell in cube.cells} == {"a", PublishedCube.other}
    assert said_of(cube, "brief") == (
        "Groups of fewer than 5 clients are suppressed: without a filter totals are exact, with one they are "
        "approximate."
    )
    assert cube.clients == 94


def said_of(cube: PublishedCube, macro: str) -> str:
    """What the English page says of the suppression."""
    environment = Words("en").environment(Path(outputs.__file__).parent)
    said = getattr(environment.get_template("dashboard/protection.html.j2").module, macro)(cube)
    return str(said).strip()


def test_a_cube_without_small_groups_stays_as_it_is() -> None:
    cells = [
        Cell((city, age), is_churned, 7) for city in "ab" for age in "xyz" for is_churned in (True, False)
    ]
    cube = publish(("city", "age_band"), cells, 5, fixed=())
    assert sorted(cube.cells, key=repr) == sorted(cells, key=repr)
    assert cube.moved_clients == cube.pairs.clients == 0
    for macro in ("brief", "in_full"):
        assert said_of(cube, macro) == (
            "No group has fewer than 5 clients: nothing is suppressed, and numbers are exact under a filter, too."
        )


def test_without_a_limit_the_cube_is_the_true_one() -> None:
    cells = [Cell((city, "x"), True, clients) for city, clients in (("a", 1), ("b", 2))]
    cube = publish(("city", "age_band"), cells, 1, fixed=())
    assert (cube.clients, cube.true_clients, cube.moved_clients) == (3, 3, 0)
    assert said_of(cube, "in_full") == "Small groups are not suppressed: the threshold is off."


# -----------------------------------------------------------------------------------------------------------
# What if a kept client is worth less, or more?
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_slider_moves_the_worth_of_a_kept_client(
    browser: webdriver.Chrome, pages: dict[str, Page], sample_warehouse: Path, language: str
) -> None:
    """By key; each profit is that of the marts with another value, in the chart and in the table."""
    load(browser, pages[language])
    slider = browser.find_element(By.ID, "worth")
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        for keys, worth in (([], 100), ([Keys.ARROW_LEFT] * 10, 50), ([Keys.HOME], 0), ([Keys.END], 200)):
            slider.send_keys(*keys) if keys else None
            found = state(browser)["profits"]
            expected = connection.execute(
                f"""
                select
                    title_{language}, value_of_kept_client * {worth} / 100,
                    profit + target_clients * expected_churn_rate * save_rate
                    * value_of_kept_client * ({worth} - 100) / 100
                from marts.fct_retention_economics
                inner join marts.fct_retention_proposals using (proposal_id, target_clients)
                where scenario = 'central' order by proposal_rank
                """
            ).fetchall()
            assert [(row["label"], row["worth"], row["profit"]) for row in found] == [
                (label, pytest.approx(value), pytest.approx(profit, rel=1e-9))
                for label, value, profit in expected
            ]
            rows = browser.find_elements(By.CSS_SELECTOR, "#profits tr")
            shown = [row.get_attribute("textContent") for row in rows]
            thousands = NUMBERS[language][0]
            assert shown == [
                label
                + "".join(f"{round(each):,}".replace(",", thousands).replace("-", "−") for each in figures)
                for label, *figures in expected
            ]
            told = browser.find_element(By.ID, "worth-shown").get_attribute("textContent")
            assert told == f"{worth}{NUMBERS[language][2]}"
    assert_quiet(browser)


def test_no_proposal_for_too_few_clients_has_a_profit(sample_warehouse: Path) -> None:
    marts = read_marts(sample_warehouse)
    hidden = marts.fct_retention_proposals.assign(proposal_rank=[float("nan"), 1, float("nan"), 2])
    shown = proposals(replace(marts, fct_retention_proposals=hidden), Words("en"))
    assert [row["label"] for row in shown] == list(hidden["title_en"].iloc[[1, 3]])
