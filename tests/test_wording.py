"""Numbers, plurals and rules are written as each language writes them, and text from outside stays text."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bank_segments.marts import read_marts
from bank_segments.wording import (
    LANGUAGES,
    Language,
    between,
    counted,
    decimals_of,
    escaped,
    labels,
    number,
    p_value,
    percent,
    plural,
    quantity,
    rate_with_interval,
)

FORMS = ("клиент", "клиента", "клиентов")


@pytest.mark.parametrize(
    ("value", "decimals", "russian", "english"),
    [
        (10000, 0, "10\u00a0000", "10,000"),
        (1234567.891, 2, "1\u00a0234\u00a0567,89", "1,234,567.89"),
        (-1.916, 2, "−1,92", "−1.92"),
        (-0.001, 2, "0,00", "0.00"),
        (None, 1, "—", "—"),
        (math.nan, 1, "—", "—"),
        (-math.inf, 1, "—", "—"),
    ],
)
def test_number(value: float | None, decimals: int, russian: str, english: str) -> None:
    assert number(value, "ru", decimals) == russian
    assert number(value, "en", decimals) == english


@given(st.floats(-1e12, 1e12), st.integers(0, 3), st.sampled_from(LANGUAGES))
def test_number_reads_back(value: float, decimals: int, language: Language) -> None:
    text = number(value, language, decimals).replace("−", "-")
    plain = text.replace("\u00a0", "").replace(",", ".") if language == "ru" else text.replace(",", "")
    assert float(plain) == pytest.approx(value, abs=0.5 * 10**-decimals + 1e-3)
    assert not plain.startswith("-0") or float(plain) < 0


def test_percent_and_range() -> None:
    assert percent(0.27714, "ru") == "27,7\u00a0%"
    assert percent(0.27714, "en") == "27.7%"
    assert between(-5.587, -2.158, "ru", 1, "п. п.") == "от −5,6 до −2,2\u00a0п. п."
    assert between(26.5, 29, "en", 1, "%") == "26.5 to 29.0%"


@pytest.mark.parametrize(
    ("value", "russian", "english"),
    [
        (0.0, "p\u00a0<\u00a00,001", "p\u00a0<\u00a00.001"),
        (0.000999, "p\u00a0<\u00a00,001", "p\u00a0<\u00a00.001"),
        (0.0366, "p\u00a0=\u00a00,037", "p\u00a0=\u00a00.037"),
        (1.0, "p\u00a0>\u00a00,999", "p\u00a0>\u00a00.999"),
        (None, "p\u00a0=\u00a0—", "p\u00a0=\u00a0—"),
    ],
)
def test_p_value(value: float | None, russian: str, english: str) -> None:
    assert p_value(value, "ru") == russian
    assert p_value(value, "en") == english


@pytest.mark.parametrize(
    ("count", "form"),
    [
        (0, 2),
        (1, 0),
        (2, 1),
        (4, 1),
        (5, 2),
        (11, 2),
        (12, 2),
        (14, 2),
        (21, 0),
        (111, 2),
        (122, 1),
        (1.5, 1),
    ],
)
def test_russian_plural(count: float, form: int) -> None:
    assert plural(count, FORMS, "ru") == FORMS[form]


def test_counted_and_quantity() -> None:
    assert counted(1540, "client", "ru") == "1\u00a0540\u00a0клиентов"
    assert counted(1, "product", "en") == "1\u00a0product"
    assert quantity(37.753, "лет", "ru", 2) == "37,75\u00a0года"
    assert quantity(41, "лет", "ru", 0) == "41\u00a0год"
    assert quantity(1, "years", "en", 0) == "1\u00a0year"
    assert quantity(1.0, "years", "en", 1) == "1.0\u00a0years"
    assert quantity(99645.04, "₽", "ru", 0) == "99\u00a0645\u00a0₽"
    assert quantity(None, "₽", "ru", 0) == "—"


def test_decimals_follow_size() -> None:
    assert [decimals_of(36.0, 41.0), decimals_of(583.5), decimals_of(119791.215), decimals_of(None)] == [
        0,
        1,
        0,
        0,
    ]


@given(st.text(max_size=60))
def test_escaped_text_stays_text(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"linkify": False}).parse(f"- File {escaped(text)}: read.")
    inline = [child.type for token in tokens for child in token.children or []]
    assert set(inline) <= {"text", "text_special"}
    assert [token.type for token in tokens].count("list_item_open") == 1


def test_rules_in_words(sample_warehouse: Path) -> None:
    marts = read_marts(sample_warehouse)
    russian, english = (labels(marts, language) for language in LANGUAGES)
    rule = "age >= 39 and city = Ростов Великий and product_count = 1"
    assert russian.rule(rule) == "Возраст не меньше 39; Город: Ростов Великий; Число продуктов: 1"
    assert english.rule(rule) == "Age at least 39; City: Rostov Veliky; Number of products: 1"
    assert english.rule("city = Oak and Elm") == "City: Oak and Elm"
    assert english.rule("age between 1 and 2") == "age between 1 and 2"
    assert english.rule("not (is_churned = true and is_loyal = true)") == (
        "all accepted rows but (churned; Loyalty: loyal)"
    )
    assert russian.rule("is_churned = false and age < 35") == "активные; Возраст меньше 35"
    assert russian.rule("is_churned <> false") == "ушедшие"
    for words in (russian, english):
        for shown in marts.dim_segments["rule"].map(words.rule):
            assert not set("<>=_") & set(shown), shown


@pytest.mark.parametrize(
    ("rate", "low", "high", "russian"),
    [
        (0.2774, 0.2651, 0.2901, "27,7\u00a0% (95\u00a0% ДИ от 26,5 до 29,0\u00a0%)"),
        # A hundred million clients: with one decimal both ends would read 20,4.
        (0.20391, 0.20383, 0.20399, "20,39\u00a0% (95\u00a0% ДИ от 20,38 до 20,40\u00a0%)"),
        (0.0, 0.0, 0.0, "0,0\u00a0% (95\u00a0% ДИ от 0,0 до 0,0\u00a0%)"),
    ],
)
def test_the_ends_of_an_interval_are_told_apart(rate: float, low: float, high: float, russian: str) -> None:
    row = pd.Series({"churn_rate": rate, "churn_rate_low": low, "churn_rate_high": high})
    assert rate_with_interval(row, "ru") == russian
