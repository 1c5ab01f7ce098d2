"""The published cube: no group of it is small, none can be had by subtraction, and pages say what that costs."""

import html
import random
import re
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from bank_segments.release.disclosure import Limits, PublishedCube, publish, read_cells
from bank_segments.words import LANGUAGES, Words
from output_cases import cells_of, embedded, printed

MINIMUM_GROUP = 5
SMALL = set(range(1, MINIMUM_GROUP))
COUNTS = ["stayed", "churned"]


@pytest.fixture(scope="module")
def shown(sample_release: Path) -> pd.DataFrame:
    """Who stayed and who left in each published cell."""
    return cells_of(embedded(sample_release / "dashboard.en.html"))


@pytest.fixture(scope="module")
def traits(shown: pd.DataFrame) -> list[str]:
    return [str(name) for name in shown if name not in COUNTS]


@pytest.fixture(scope="module")
def true(traits: list[str], sample_warehouse: Path) -> pd.DataFrame:
    """The same of the mart."""
    levels = ", ".join(f"coalesce(cast({name} as varchar), '') as {name}" for name in traits)
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        frame: pd.DataFrame = connection.sql(
            f"""
            select {levels}, sum(clients - churned_clients)::bigint as stayed, sum(churned_clients)::bigint as churned
            from marts.rpt_dashboard_cube group by all
            """
        ).df()
    return frame


def both(true: pd.DataFrame, shown: pd.DataFrame, traits: Iterable[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Who stayed and who left at each combination of levels, in truth and as published."""
    exact, there = (frame.groupby(list(traits))[COUNTS].sum() for frame in (true, shown))
    return exact.align(there, fill_value=0)


def test_totals_are_exact_unless_they_are_small(true: pd.DataFrame, shown: pd.DataFrame, traits: list[str]) -> None:
    for some in (*combinations(traits, 1), ("city", "age_band")):
        exact, there = both(true, shown, some)
        assert len(exact) > exact.isin(SMALL).to_numpy().sum()
        assert not (exact - there).mask(exact.isin(SMALL), 0).to_numpy().any(), some


def test_no_published_cell_or_difference_of_tables_is_small(shown: pd.DataFrame, traits: list[str]) -> None:
    """An attacker subtracts what is published: tables of up to three traits, and their cells; totals are exact."""
    assert len(shown) > 100
    assert not set(shown[COUNTS].to_numpy().ravel()) & SMALL
    for some in (*combinations(traits, 1), *combinations(traits, 2)):
        for third in set(traits) - set(some):
            fine = shown.groupby([*some, third])[COUNTS].sum()
            coarse = fine.groupby(level=list(some)).transform("sum")
            assert not set((coarse - fine).to_numpy().ravel()) & SMALL, (some, third)


def distances(true: pd.DataFrame, shown: pd.DataFrame, traits: list[str], number: int) -> list[float]:
    """How far the cube is from the mart where so many traits meet.

    Returns the largest difference in clients who left or stayed, and of the differences in churn rates (percentage
    points) of groups that have 100 clients in both, the one that 95 % stay within and the largest.
    """
    largest, rates = 0, [0.0]
    for some in combinations(traits, number):
        exact, there = both(true, shown, some)
        largest = max(largest, int((exact - there).abs().to_numpy().max()))
        (size, rate), (shown_size, shown_rate) = (
            (each.sum(axis=1), 100 * each["churned"] / each.sum(axis=1)) for each in (exact, there)
        )
        rates += list((rate - shown_rate)[(size >= 100) & (shown_size >= 100)].abs())
    return [largest, sorted(rates)[int(0.95 * len(rates))], max(rates)]


def test_the_page_states_how_far_its_filtered_numbers_are_from_the_mart(
    true: pd.DataFrame, shown: pd.DataFrame, traits: list[str], sample_release: Path
) -> None:
    """Suppression costs exactness under a filter: what the page says that it costs is what pandas measures."""
    exact, there = both(true, shown, traits)
    moved, clients = (exact - there).clip(lower=0).to_numpy().sum(), exact.to_numpy().sum()
    (pair, *pair_rates), (triple, *triple_rates) = (distances(true, shown, traits, number) for number in (2, 3))
    (usual, worst) = zip(pair_rates, triple_rates, strict=True)
    first = [MINIMUM_GROUP, moved, 100 * moved / clients, MINIMUM_GROUP, pair, triple, 100]
    wanted = {"en": [*first, *usual, 95, *worst, 100, 30], "ru": [*first, 95, *usual, *worst, 100, 30]}
    assert 0 < pair < triple
    for language in LANGUAGES:
        page = (sample_release / f"dashboard.{language}.html").read_text(encoding="utf-8")
        (said,) = re.findall(r'id="protection".*?>(.*?)</p>', page, re.DOTALL)
        numbers = [number for number, _ in printed(html.unescape(said), language)]
        assert numbers == pytest.approx(wanted[language], abs=0.1), said


# -----------------------------------------------------------------------------------------------------------
# Made-up cubes
# -----------------------------------------------------------------------------------------------------------


Groups = dict[tuple[tuple[str, ...], bool], int]


def test_levels_that_the_portraits_hide_are_joined() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema marts;
            create table marts.rpt_dashboard_cube as
            from (values ('a', 1, true, 8), ('a', 2, true, 3), ('b', 1, true, 9), (null, 1, true, 6), ('c', 1, true, 5))
                as cells (city, products, is_churned, clients);
            create table marts.fct_churn_portrait as
            from (values ('city', 'a', true), ('city', 'c', true), ('city', 'b', false), ('products', '1', false))
                as levels (trait, level, is_too_small)
            """
        )
        dimensions, cells = read_cells(connection)
    found = cells.set_index(list(dimensions))["clients"].to_dict()
    assert found == {("__other__", "1"): 13, ("__other__", "2"): 3, ("b", "1"): 9, ("", "1"): 6}


def frame_of(names: tuple[str, ...], groups: Groups) -> pd.DataFrame:
    """The cells of a cube, from clients by levels and whether they left."""
    rows = [(*levels, is_churned, clients) for (levels, is_churned), clients in groups.items()]
    frame = pd.DataFrame(rows, columns=[*names, "is_churned", "clients"])
    return frame.astype({"is_churned": bool, "clients": int})


def groups_of(cube: PublishedCube) -> Groups:
    levels = cube.cells[list(cube.dimensions)].itertuples(index=False, name=None)
    groups = zip(levels, cube.cells["is_churned"], strict=True)
    return dict(zip(groups, cube.cells["clients"], strict=True))


@pytest.mark.parametrize("seed", range(10))
def test_any_cube_is_published_without_small_groups(seed: int) -> None:
    source = random.Random(seed)
    names = ("city", "age_band", "gender", "segment_ids")
    minimum, levels = source.choice([2, 5, 10]), source.randint(1, 5)
    largest = source.choice([2, 12, 60])
    groups: Groups = {}
    for _ in range(source.randint(1, 120)):
        group = tuple(str(source.randrange(levels)) for _ in names), source.random() < 0.3
        groups[group] = source.randint(1, largest)
    cells = frame_of(names, groups)
    limits = Limits(minimum, 30, 100)
    cube = publish(names, cells, limits)
    published = groups_of(cube)
    assert all(clients >= minimum for clients in published.values())
    assert published.keys() <= groups.keys()
    assert groups_of(publish(names, cells[::-1], limits)) == published
    assert cube.true_clients == sum(groups.values())


def said_of(cube: PublishedCube, macro: str) -> str:
    """What the English page says of the suppression."""
    environment = Words("en").environment()
    said = getattr(environment.get_template("dashboard/protection.html.j2").module, macro)(cube)
    return str(said).strip()


def one_age(**cities: int) -> Groups:
    return {((city, "x"), False): clients for city, clients in cities.items()}


EVEN: Groups = {((city, age), is_churned): 7 for city in "ab" for age in "xyz" for is_churned in (True, False)}
SUPPRESSED = (
    "Groups of fewer than 5 clients are suppressed: without a filter totals are exact, with one they are approximate."
)
WHOLE = "No group has fewer than 5 clients: nothing is suppressed, and numbers are exact under a filter, too."


@pytest.mark.parametrize(
    ("groups", "minimum", "cities", "clients", "said"),
    [
        ({}, 5, set(), 0, WHOLE),
        (one_age(a=2), 5, set(), 0, ""),
        (one_age(a=50, __other__=44), 5, {"a", PublishedCube.other}, 94, SUPPRESSED),
        (EVEN, 5, {"a", "b"}, 84, WHOLE),
        (one_age(a=1, b=2), 1, {"a", "b"}, 3, "Small groups are not suppressed: the threshold is off."),
    ],
    ids=["no clients", "too few", "joined levels", "no small group", "no limit"],
)
def test_what_is_published_and_what_is_said(
    groups: Groups, minimum: int, cities: set[str], clients: int, said: str
) -> None:
    names = ("city", "age_band")
    cube = publish(names, frame_of(names, groups), Limits(minimum, 30, 100))
    assert set(cube.cells["city"]) == cities
    assert (cube.clients, cube.true_clients) == (clients, sum(groups.values()))
    if said:
        assert said_of(cube, "brief") == said
    if said not in ("", SUPPRESSED):
        assert said_of(cube, "in_full") == said
        assert groups_of(cube) == groups
