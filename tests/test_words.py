"""Numbers, plurals and rules are written as each language writes them, and every sentence is in the catalogue."""

import math
import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

import bank_segments
from bank_segments.marts import Marts
from bank_segments.words import LANGUAGES, Language, Words, catalogue, decimals_of, escaped, words_of
from fault_table import suites

RUSSIAN, ENGLISH = Words("ru"), Words("en")
BY_LANGUAGE: dict[Language, Words] = {"ru": RUSSIAN, "en": ENGLISH}
PACKAGE = Path(bank_segments.__file__).parent
# As CONTRIBUTING.md names them for `pybabel extract`; nothing but what is said in code or a template is a message.
KEYWORDS = {
    "_": None,
    "N_": None,
    "n_": (1, 2),
    "gettext": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
METHODS = [("**.py", "python"), ("**.j2", "jinja2")]


def rate(*ends: float) -> str:
    """A churn rate and the ends of its interval, in Russian."""
    names = ("churn_rate", "churn_rate_low", "churn_rate_high")
    return RUSSIAN.rate_with_interval(dict(zip(names, ends, strict=True)))


def test_numbers() -> None:
    cases = [
        (RUSSIAN.number(10000), "10\u00a0000"),
        (ENGLISH.number(10000), "10,000"),
        (RUSSIAN.number(1234567.891, 2), "1\u00a0234\u00a0567,89"),
        (ENGLISH.number(1234567.891, 2), "1,234,567.89"),
        (RUSSIAN.number(-1.916, 2), "−1,92"),
        (RUSSIAN.number(-0.001, 2), "0,00"),
        (ENGLISH.number(-0.001, 2), "0.00"),
        (ENGLISH.number(None, 1), "—"),
        (RUSSIAN.number(math.nan, 1), "—"),
        (RUSSIAN.number(-math.inf, 1), "—"),
        (RUSSIAN.percent(0.27714), "27,7\u00a0%"),
        (ENGLISH.percent(0.27714), "27.7%"),
        (ENGLISH.percent(1, 0), "100%"),
        # A half goes away from zero, wherever it comes from: Excel and PowerPoint write the same.
        (ENGLISH.percent(0.1545), "15.5%"),
        (ENGLISH.percent(0.285, 0), "29%"),
        (ENGLISH.points(0.0285, 1), "2.9\u00a0pp"),
        (ENGLISH.number(-2.5), "−3"),
        (ENGLISH.quantity(-826.4, "$", 0), "−$826"),
        (RUSSIAN.quantity(-826.4, "$", 0), "−826\u00a0$"),
        (ENGLISH.number(10**17 + 1), "100,000,000,000,000,001"),
        (RUSSIAN.between(-5.587, -2.158, 1, "п. п."), "от −5,6 до −2,2\u00a0п. п."),
        (ENGLISH.percent_between(0.265, 0.29), "26.5 to 29.0%"),
        (RUSSIAN.p_value(0.0), "p\u00a0<\u00a00,001"),
        (RUSSIAN.p_value(0.000999), "p\u00a0<\u00a00,001"),
        (ENGLISH.p_value(0.0366), "p\u00a0=\u00a00.037"),
        (ENGLISH.p_value(1.0), "p\u00a0>\u00a00.999"),
        (RUSSIAN.p_value(None), "p\u00a0=\u00a0—"),
        (RUSSIAN.counted(1540, "client"), "1\u00a0540\u00a0клиентов"),
        (ENGLISH.counted(1, "product"), "1\u00a0product"),
        (RUSSIAN.quantity(37.753, "лет", 2), "37,75\u00a0года"),
        (RUSSIAN.quantity(41, "лет", 0), "41\u00a0год"),
        (ENGLISH.quantity(1, "years", 0), "1\u00a0year"),
        (ENGLISH.quantity(1.0, "years", 1), "1.0\u00a0years"),
        (RUSSIAN.quantity(99645.04, "₽", 0), "99\u00a0645\u00a0₽"),
        (RUSSIAN.quantity(None, "₽", 0), "—"),
        (rate(0.2774, 0.2651, 0.2901), "27,7\u00a0% (95\u00a0% ДИ от 26,5 до 29,0\u00a0%)"),
        # A hundred million clients: with one decimal both ends would read 20,4.
        (rate(0.20391, 0.20383, 0.20399), "20,39\u00a0% (95\u00a0% ДИ от 20,38 до 20,40\u00a0%)"),
        (rate(0.0, 0.0, 0.0), "0,0\u00a0% (95\u00a0% ДИ от 0,0 до 0,0\u00a0%)"),
    ]
    assert [written for written, _ in cases] == [expected for _, expected in cases]
    assert list(map(decimals_of, (36.0, 583.5, 119791.215, None))) == [0, 1, 0, 0]


@given(st.floats(-1e12, 1e12), st.integers(0, 3), st.sampled_from(LANGUAGES))
def test_a_number_reads_back(value: float, decimals: int, language: Language) -> None:
    text = BY_LANGUAGE[language].number(value, decimals).replace("−", "-")
    plain = text.replace("\u00a0", "").replace(",", ".") if language == "ru" else text.replace(",", "")
    assert float(plain) == pytest.approx(value, abs=0.5 * 10**-decimals + 1e-3)
    assert not plain.startswith("-0") or float(plain) < 0


@pytest.mark.parametrize(
    ("form", "counts"),
    [
        ("клиент", (1, 21, 101)),
        ("клиента", (2, 4, 22, 122, 1.5)),
        ("клиентов", (0, 5, 11, 12, 14, 111, 1000)),
    ],
)
def test_a_russian_noun_agrees_with_its_number(form: str, counts: tuple[float, ...]) -> None:
    assert {RUSSIAN.counted(count, "client").split("\u00a0")[-1] for count in counts} == {form}


@given(st.text(max_size=60))
def test_escaped_text_stays_text(text: str) -> None:
    tokens = MarkdownIt("commonmark", {"linkify": False}).parse(f"- File {escaped(text)}: read.")
    inline = [child.type for token in tokens for child in token.children or []]
    assert set(inline) <= {"text", "text_special"}
    assert [token.type for token in tokens].count("list_item_open") == 1


def test_what_has_no_meaning_in_markdown_is_not_escaped() -> None:
    assert escaped("Возраст (группа): 25–34") == "Возраст (группа): 25–34"


def test_rules_in_words(marts: Marts) -> None:
    russian, english = (words_of(marts, language) for language in LANGUAGES)
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


def _said() -> set[str | tuple[str, ...]]:
    """Every message of the package and its templates, and what the released file is expected to hold."""
    options = {"**.j2": {"newstyle_gettext": "true"}}
    found = extract_from_dir(PACKAGE, METHODS, options, keywords=KEYWORDS)
    meanings = (expected["meta"]["meaning"] for suite in suites() for expected in suite["expectations"])
    return {message for _, _, message, _, _ in found} | set(meanings)


def _placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s|%%", text))


def test_the_catalogue_holds_what_is_said_and_nothing_else() -> None:
    messages = {message.id: message for message in catalogue("ru") if message.id}
    assert set(messages) == _said()
    unlike = []
    for key, message in messages.items():
        english = key if isinstance(key, str) else key[-1]
        texts = [message.string] if isinstance(message.string, str) else list(message.string or [""])
        is_like = all(text and _placeholders(text) == _placeholders(english) for text in texts)
        if message.fuzzy or not is_like:
            unlike.append(key)
    assert unlike == []
