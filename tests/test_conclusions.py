"""Every number in the written findings comes from a mart, and any input gives whole sentences."""

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from string import Formatter

import numpy as np
import pandas as pd
import pytest
from markdown_it import MarkdownIt

from bank_segments import conclusions as written
from bank_segments import wording
from bank_segments.conclusions import conclusions, write_conclusions
from bank_segments.marts import Marts, flipped, hypothesis_rows, in_display_order, read_marts
from bank_segments.wording import CONFIDENCE, LANGUAGES, Language

NUMBER: dict[Language, str] = {
    "ru": r"−?(?<!\d)(?:\d{1,3}(?:\u00a0\d{3})+|\d+)(?:,\d+)?",
    "en": r"−?(?<!\d)(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?",
}
BROKEN = re.compile(r"\b(?:nan|None|inf|NaT|NA)\b|\{|\}")


@pytest.fixture(scope="module")
def marts(sample_warehouse: Path) -> Marts:
    return read_marts(sample_warehouse)


def text_of(marts: Marts, language: Language) -> str:
    return conclusions(marts, language, input_name="clients.csv", is_synthetic=False)


def printed(text: str, language: Language) -> list[tuple[float, int]]:
    """Every number of the text with the decimals it is printed with."""
    found = []
    for match in re.findall(NUMBER[language], text):
        plain = match.replace("−", "-").replace("\u00a0", "")
        plain = plain.replace(",", ".") if language == "ru" else plain.replace(",", "")
        found.append((float(plain), len(plain.partition(".")[2])))
    return found


def mart_numbers(marts: Marts) -> list[float]:
    """Every number of the marts, fractions also as percentages, and those in names, labels and rules."""
    values = [float(marts.clients), float(marts.churned_clients), marts.churn_rate, CONFIDENCE, 0.001, 0.999]
    for field in fields(Marts):
        frame: pd.DataFrame = getattr(marts, field.name)
        for column, cells in frame.items():
            if pd.api.types.is_numeric_dtype(cells):
                values += cells.dropna().astype(float).tolist()
                continue
            language: Language = "ru" if str(column).endswith("_ru") else "en"
            for text in cells.dropna().astype(str):
                values += [abs(value) for value, _ in printed(text, language)]
    return values + [100 * value for value in values if not value.is_integer() or abs(value) <= 1]


def unexplained(marts: Marts, language: Language) -> list[float]:
    known = np.array([value for value in mart_numbers(marts) if np.isfinite(value)])
    numbers = printed(text_of(marts, language), language)
    tolerances = [0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-9 for _, decimals in numbers]
    return [
        value
        for (value, _), tolerance in zip(numbers, tolerances, strict=True)
        if np.abs(known - value).min() > tolerance
    ]


def with_random_numbers(marts: Marts, seed: int) -> Marts:
    """The same names with other numbers everywhere, so that a number typed into the text stands out."""
    random = np.random.default_rng(seed)

    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.copy()
        for column in frame.select_dtypes("number").columns.difference(["product_count", "sort_order"]):
            if pd.api.types.is_integer_dtype(frame[column]):
                frame[column] = random.integers(1_000, 9_999_999, len(frame))
            else:
                scale = 1.0 if frame[column].abs().max() <= 1 else 1e5
                frame[column] = frame[column].where(frame[column].isna(), random.random(len(frame)) * scale)
        return frame

    return replace(marts, **{field.name: changed(getattr(marts, field.name)) for field in fields(Marts)})


def degenerate(marts: Marts) -> Iterator[tuple[str, Marts]]:
    """Marts that another file may give."""
    segments = marts.fct_segment_metrics.copy()
    rates = ["churn_rate", "churn_rate_low", "churn_rate_high"]
    segments.loc[segments["segment_id"] != "none", ["clients", "coverage", "churned_clients"]] = 0
    segments.loc[segments["segment_id"] != "none", rates] = np.nan
    yield "empty segments", replace(marts, fct_segment_metrics=segments)

    results = marts.fct_hypothesis_results.copy().astype(
        {"is_null_rejected": "object", "is_negligible": "object"}
    )
    kept = ["hypothesis_id", "population", "test", "is_primary"]
    results[results.columns.difference(kept)] = None
    results[["n_two_products", "n_one_product"]] = 0
    results[["reason_ru", "reason_en"]] = ["Одна из групп пуста.", "One of the groups has no clients."]
    yield "nothing tested", replace(marts, fct_hypothesis_results=results)
    yield "no hypothesis", replace(marts, fct_hypothesis_results=results.head(0))

    one = marts.fct_hypothesis_results
    yield (
        "one population",
        replace(
            marts,
            dim_populations=marts.dim_populations.head(1),
            fct_hypothesis_results=one[one["population"] == marts.dim_populations["population"][0]],
        ),
    )

    portrait = marts.fct_churn_portrait
    active = marts.fct_product_count_portrait
    yield (
        "a level and a product count missing",
        replace(
            marts,
            fct_churn_portrait=portrait[portrait["level"] != "1"],
            dim_trait_levels=marts.dim_trait_levels[marts.dim_trait_levels["level"] != "1"],
            fct_product_count_metrics=marts.fct_product_count_metrics.iloc[1:],
            fct_product_count_portrait=active[active["product_count"] != 1],
        ),
    )

    nobody = marts.fct_product_count_metrics.assign(churned_clients=0, churn_rate=0.0)
    numbers = marts.fct_churn_portrait_numbers
    stayed = portrait.assign(
        churned_clients=0, churn_rate=0.0, churn_rate_low=0.0, share_of_churned=np.nan, lift=np.nan
    )
    yield (
        "nobody left",
        replace(
            marts,
            fct_product_count_metrics=nobody.assign(active_clients=nobody["clients"]),
            fct_churn_portrait=stayed,
            fct_churn_portrait_numbers=numbers[numbers["population"] == "active"],
        ),
    )

    gone = marts.fct_product_count_metrics
    yield (
        "everybody left",
        replace(
            marts,
            fct_product_count_metrics=gone.assign(active_clients=0, churned_clients=gone["clients"]),
            fct_churn_portrait=portrait.assign(share_of_active=np.nan),
            fct_churn_portrait_numbers=numbers[numbers["population"] == "churned"],
            fct_product_count_portrait=active.head(0),
            fct_product_count_portrait_numbers=marts.fct_product_count_portrait_numbers.head(0),
        ),
    )

    city = dict.fromkeys(["Ростов Великий", "Rostov Veliky"], "[x](javascript:alert(1)) <script>$_*$` |")
    renamed = {
        name: getattr(marts, name).replace(city)
        for name in ("dim_trait_levels", "fct_churn_portrait", "fct_product_count_portrait")
    }
    yield "a hostile city", replace(marts, **renamed)


CASES = [
    "empty segments",
    "nothing tested",
    "no hypothesis",
    "one population",
    "a level and a product count missing",
    "nobody left",
    "everybody left",
    "a hostile city",
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_comes_from_a_mart(marts: Marts, language: Language) -> None:
    assert len(printed(text_of(marts, language), language)) > 100
    assert unexplained(marts, language) == []


def test_no_sentence_holds_a_number() -> None:
    """A typed number that also stands in a rule or label would pass the tests of the text."""
    for texts in [*wording.TEXT.values(), *wording.VERDICTS.values(), *written._TEXT.values()]:
        assert not any(character.isdigit() for text in texts.values() for character in text), texts
        places = [sorted(name for _, name, *_ in Formatter().parse(text) if name) for text in texts.values()]
        assert places[0] == places[1], texts


@pytest.mark.parametrize(
    ("lift", "said"), [(1.04, "hardly above the bank-wide rate"), (1.06, "1.1 times the bank-wide")]
)
def test_no_rate_is_called_one_time_the_banks(marts: Marts, lift: float, said: str) -> None:
    """Of very many clients, a level can be above the bank-wide rate by less than is printed."""
    portrait = marts.fct_churn_portrait
    text = text_of(replace(marts, fct_churn_portrait=portrait.assign(lift=lift)), "en")
    above = (portrait["churn_rate_low"] > marts.churn_rate).sum()
    assert text.count(said) == above > 0
    assert "1.0 times" not in text


@pytest.mark.parametrize("seed", range(5))
def test_no_number_is_typed(marts: Marts, seed: int) -> None:
    other = with_random_numbers(marts, seed)
    assert text_of(other, "en") != text_of(marts, "en")
    assert unexplained(other, "en") == []
    assert unexplained(other, "ru") == []


def test_both_languages_say_the_same_numbers(marts: Marts) -> None:
    for case in (marts, with_random_numbers(marts, 0), *(case for _, case in degenerate(marts))):
        assert printed(text_of(case, "ru"), "ru") == printed(text_of(case, "en"), "en")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_any_input_gives_whole_sentences(marts: Marts, case: str, language: Language) -> None:
    cases = dict(degenerate(marts))
    assert list(cases) == CASES
    text = text_of(in_display_order(cases[case]), language)
    assert BROKEN.search(text) is None
    assert "—, " not in text
    assert ".." not in text
    assert text.count("\n## ") == 9
    html = MarkdownIt().render(text)
    assert "<script" not in html
    assert "<a " not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_hypothesis_and_population_is_told(marts: Marts, language: Language) -> None:
    text = text_of(marts, language)
    assert BROKEN.search(text) is None
    rows = hypothesis_rows(marts)
    for name in rows[f"null_{language}"].unique():
        assert text.count(name) == 1
    told = text.partition("## Гипотезы" if language == "ru" else "## Hypotheses")[2].partition("\n## ")[0]
    assert told.count("- **") == len(rows)


def test_only_a_test_of_equivalence_may_say_equivalent(marts: Marts) -> None:
    told = text_of(marts, "en").partition("## Hypotheses")[2].partition("\n## ")[0]
    lines = [line for line in told.splitlines() if line.startswith("- **")]
    verdicts = hypothesis_rows(marts)["conclusion"]
    for line, verdict in zip(lines, verdicts, strict=True):
        assert not re.search(r"\bequal\b|\bidentical\b|\bno difference\b", line)
        assert ("shows equivalence" in line) == (verdict == "equivalent")
        assert (" is rejected" in line) == (verdict in ("different", "negligible"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_changes_list_the_flips_only(marts: Marts, language: Language) -> None:
    def changes(case: Marts) -> str:
        heading = "## Что меняется" if language == "ru" else "## What changes"
        return text_of(case, language).partition(heading)[2].partition("\n## ")[0]

    same = marts.fct_hypothesis_results.assign(verdict="equivalent")
    assert "\n- " not in changes(replace(marts, fct_hypothesis_results=same))
    flips = same.copy()
    first = flips["hypothesis_id"].iloc[0]
    flips.loc[(flips["hypothesis_id"] == first) & (flips["population"] == "all_clients"), "verdict"] = (
        "different"
    )
    case = replace(marts, fct_hypothesis_results=flips)
    assert flipped(hypothesis_rows(case)) == [first]
    assert changes(case).count("\n- ") == 1
    assert marts.dim_hypotheses.set_index("hypothesis_id")[f"metric_{language}"][first] in changes(case)


def with_ten_hypotheses(marts: Marts) -> Marts:
    """The last one is the second again, as h10, with its rows on top of every frame."""

    def added(frame: pd.DataFrame) -> pd.DataFrame:
        second = frame[frame["hypothesis_id"] == "h2_salary"].assign(hypothesis_id="h10_salary")
        return pd.concat([second, frame], ignore_index=True)

    dimension = added(marts.dim_hypotheses)
    is_new = dimension["hypothesis_id"] == "h10_salary"
    dimension = dimension.assign(
        sort_order=dimension["sort_order"].mask(is_new, 10),
        **{
            column: dimension[column].mask(is_new, f"{column} of the tenth")
            for column in ("null_ru", "null_en", "metric_ru", "metric_en")
        },
    )
    names = ("fct_hypothesis_results", "fct_hypothesis_effects", "fct_hypothesis_sensitivity")
    rows = {name: added(getattr(marts, name)) for name in names}
    return in_display_order(replace(marts, dim_hypotheses=dimension, **rows))


def test_the_tenth_hypothesis_comes_last(marts: Marts) -> None:
    """Behind h9, as the register says, not behind h1, as the letters would have it."""
    ten = with_ten_hypotheses(marts)
    names = [*marts.dim_hypotheses["hypothesis_id"], "h10_salary"]
    assert names[:2] == ["h1_age", "h2_salary"]
    for frame in (
        ten.dim_hypotheses,
        ten.fct_hypothesis_results,
        ten.fct_hypothesis_effects,
        ten.fct_hypothesis_sensitivity,
        hypothesis_rows(ten),
    ):
        assert list(frame["hypothesis_id"].unique()) == names
    nulls = re.findall("|".join(map(re.escape, ten.dim_hypotheses["null_en"])), text_of(ten, "en"))
    assert nulls == list(ten.dim_hypotheses["null_en"])


def test_files_say_first_that_data_are_synthetic(marts: Marts, tmp_path: Path) -> None:
    paths = write_conclusions(marts, tmp_path / "new", input_name="clients.parquet", is_synthetic=True)
    assert [path.name for path in paths] == [
        f"conclusions.{language}.{suffix}" for language in ("ru", "en") for suffix in ("md", "html")
    ]
    first = [path.read_text(encoding="utf-8").splitlines()[0] for path in paths if path.suffix == ".md"]
    assert "синтетические" in first[0]
    assert "synthetic" in first[1]
    assert "synthetic" not in text_of(marts, "en")


def test_file_name_is_shown_as_text(marts: Marts) -> None:
    name = "a_b*c*<img src=x onerror=1>[l](http://x)`&amp;\n# big.csv"
    text = conclusions(marts, "en", input_name=name, is_synthetic=False)
    html = MarkdownIt().render(text)
    assert "<img" not in html
    assert "<a " not in html
    assert html.count("<h1>") == 1
    assert "a_b*c*&lt;img src=x onerror=1&gt;[l](http://x)`&amp;amp; # big.csv" in html
