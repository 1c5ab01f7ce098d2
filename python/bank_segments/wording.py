"""How numbers, names and verdicts are written in Russian and in English, for every output alike.

What is computed, and what traits, levels, segments and hypotheses are called, comes from the marts; here is
only the spelling of numbers and the words around them. A missing number is written as a dash.
"""

from __future__ import annotations

import html
import math
import re
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from bank_segments.marts import Marts

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = ("ru", "en")

SPACE = "\u00a0"
MISSING = "—"
# The confidence level of every interval in the marts (docs of `interval_z` and of the hypothesis results).
CONFIDENCE = 0.95
_SMALLEST_P = 0.001
_ESTIMATES = ("first_group_estimate", "second_group_estimate")
# The kinds of hypotheses whose estimates are shares or probabilities.
_IN_PERCENT = {"proportion", "rank"}

# Singular, few (Russian: 2-4, and after a fraction), many.
_NOUNS: dict[str, dict[Language, tuple[str, str, str]]] = {
    "client": {"ru": ("клиент", "клиента", "клиентов"), "en": ("client", "clients", "clients")},
    "active_client": {
        "ru": ("активный клиент", "активных клиента", "активных клиентов"),
        "en": ("active client", "active clients", "active clients"),
    },
    "product": {"ru": ("продукт", "продукта", "продуктов"), "en": ("product", "products", "products")},
    "year": {"ru": ("год", "года", "лет"), "en": ("year", "years", "years")},
    "point": {"ru": ("балл", "балла", "баллов"), "en": ("point", "points", "points")},
}
_COUNTED_UNITS = {"лет": "year", "years": "year", "баллов": "point", "points": "point"}

TEXT: dict[str, dict[Language, str]] = {
    "bank": {"ru": "по банку", "en": "bank-wide"},
    "all_clients": {"ru": "все клиенты", "en": "all clients"},
    "churned": {"ru": "ушедшие", "en": "churned"},
    "active": {"ru": "активные", "en": "active"},
    "no_segment": {"ru": "Вне сегментов", "en": "In no segment"},
    "fixed_by_rule": {"ru": "отток задан правилом", "en": "churn set by the rule"},
    "no_clients": {"ru": "клиентов нет", "en": "no clients"},
    "none_active": {"ru": "{products}: активных нет", "en": "{products}: none active"},
    "not_tested": {"ru": "не проверялась", "en": "not tested"},
    "hypothesis_not_tested": {"ru": "гипотеза не проверялась", "en": "the hypothesis was not tested"},
    "everyone": {"ru": "все принятые строки", "en": "all accepted rows"},
    "everyone_but": {"ru": "все принятые строки, кроме ({rule})", "en": "all accepted rows but ({rule})"},
    "synthetic": {
        "ru": "Данные синтетические: они созданы программой и не описывают настоящих клиентов.",
        "en": "The data are synthetic: a program made them, and they describe no real client.",
    },
}

VERDICTS: dict[str, dict[Language, str]] = {
    "different": {"ru": "различаются", "en": "different"},
    "negligible": {"ru": "различаются, но пренебрежимо мало", "en": "different but negligible"},
    "equivalent": {"ru": "равнозначны в заданных пределах", "en": "equivalent within the margin"},
    "inconclusive": {"ru": "вывода сделать нельзя", "en": "inconclusive"},
    "not_tested": TEXT["not_tested"],
}

TESTS: dict[str, dict[Language, str]] = {
    "welch_t": {"ru": "t-критерий Уэлча", "en": "Welch's t-test"},
    "brunner_munzel": {"ru": "критерий Бруннера — Мюнцеля", "en": "Brunner-Munzel test"},
    "cochran_mantel_haenszel": {
        "ru": "критерий Кокрана — Мантеля — Хензеля",
        "en": "Cochran-Mantel-Haenszel test",
    },
    "mann_whitney_u": {"ru": "критерий Манна — Уитни", "en": "Mann-Whitney U test"},
    "two_proportion_z": {"ru": "z-критерий для двух долей", "en": "two-proportion z-test"},
    "fisher_exact": {"ru": "точный критерий Фишера", "en": "Fisher's exact test"},
}

EFFECTS: dict[str, dict[Language, str]] = {
    "hedges_g": {"ru": "g Хеджеса", "en": "Hedges' g"},
    "cohen_h": {"ru": "h Коэна", "en": "Cohen's h"},
    "odds_ratio": {"ru": "отношение шансов", "en": "odds ratio"},
    "mantel_haenszel_odds_ratio": {
        "ru": "отношение шансов внутри страт",
        "en": "odds ratio within strata",
    },
    "probability_of_superiority": {"ru": "вероятность превосходства", "en": "probability of superiority"},
}

_OPERATORS: dict[str, dict[Language, str]] = {
    "=": {"ru": "{column}: {value}", "en": "{column}: {value}"},
    "<>": {"ru": "{column}: не {value}", "en": "{column}: not {value}"},
    "<": {"ru": "{column} меньше {value}", "en": "{column} below {value}"},
    "<=": {"ru": "{column} не больше {value}", "en": "{column} at most {value}"},
    ">": {"ru": "{column} больше {value}", "en": "{column} above {value}"},
    ">=": {"ru": "{column} не меньше {value}", "en": "{column} at least {value}"},
}
_GROUPED_DIGITS = re.compile(r"(?<=\d) (?=\d{3})")
_CLAUSE = re.compile(r"(?P<column>[a-z_]+) (?P<operator>=|<>|<=|>=|<|>) (?P<value>.+)")
_NEGATION = re.compile(r"not \((.+)\)")
_NEXT_CLAUSE = re.compile(r" and (?=[a-z_]+ (?:=|<>|<=|>=|<|>) )")


def is_known(value: object) -> bool:
    """Whether a mart's value is neither NULL nor NaN nor infinite, so that it can be written."""
    return value is not None and (not isinstance(value, float) or math.isfinite(value))


def number(value: float | None, language: Language, decimals: int = 0) -> str:
    """`value` with that many decimals, a true minus sign and grouped digits; a dash where it is missing."""
    if value is None or not math.isfinite(value):
        return MISSING
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")
    text = text.replace("-", "−")
    return text.replace(",", SPACE).replace(".", ",") if language == "ru" else text


def decimals_of(*values: float | None) -> int:
    """How many decimals a measured quantity (a median, a mean) is shown with: fewer the larger it is."""
    known = [abs(float(value)) for value in values if value is not None and math.isfinite(value)]
    if max(known, default=0.0) >= 1000 or all(value.is_integer() for value in known):
        return 0
    return 1


def percent(fraction: float | None, language: Language, decimals: int = 1) -> str:
    """A fraction as a percentage: `27,7 %` in Russian (with a no-break space), `27.7%` in English."""
    if fraction is None or not math.isfinite(fraction):
        return MISSING
    return number(100 * fraction, language, decimals) + sign("%", language)


def sign(unit: str, language: Language) -> str:
    """`unit` as it follows a number: after a no-break space, but `%` directly in English."""
    return unit if (unit == "%" and language == "en") or not unit else SPACE + unit


def between(low: float, high: float, language: Language, decimals: int, unit: str = "") -> str:
    """A range: `от −5,6 до −2,2 п. п.`, `−5.6 to −2.2 pp`; fractions must come multiplied by 100."""
    low_text, high_text = (
        number(low, language, decimals),
        number(high, language, decimals) + sign(unit, language),
    )
    return f"от {low_text} до {high_text}" if language == "ru" else f"{low_text} to {high_text}"


def percent_between(low: float, high: float, language: Language, decimals: int) -> str:
    """A range of fractions as percentages: `от 26,5 до 29,0 %`, `26.5 to 29.0%`."""
    return between(100 * low, 100 * high, language, decimals, "%")


def confidence_interval(text: str, language: Language, confidence: float = CONFIDENCE) -> str:
    """The range `text` named as an interval: `95 % ДИ от 26,5 до 29,0 %`, `98,3 % ДИ от −1,0 до 0,1`."""
    level = percent(confidence, language, 0 if confidence == CONFIDENCE else 1)
    return f"{level} {'ДИ' if language == 'ru' else 'CI'} {text}"


def rate_and_ends(row: pd.Series[Any], language: Language) -> tuple[str, str]:
    """The known churn rate of a mart's row and the range of its interval: `27,7 %` and `от 26,5 до 29,0 %`.

    Both have as many decimals, 1 to 3, as tell the ends of the interval apart.
    """
    low, high = row["churn_rate_low"], row["churn_rate_high"]
    told_apart = (count for count in (1, 2, 3) if round(100 * low, count) != round(100 * high, count))
    decimals = next(told_apart, 1)
    return percent(row["churn_rate"], language, decimals), percent_between(low, high, language, decimals)


def rate_with_interval(row: pd.Series[Any], language: Language) -> str:
    """The churn rate of a mart's row with its interval: `27,7 % (95 % ДИ от 26,5 до 29,0 %)`."""
    if not is_known(row["churn_rate"]):
        return MISSING
    rate, ends = rate_and_ends(row, language)
    return f"{rate} ({confidence_interval(ends, language)})"


def p_value(value: float | None, language: Language) -> str:
    """`p = 0,037`, `p < 0,001` or `p > 0,999` with no-break spaces: never a p-value of exactly 0 or 1."""
    sign, shown = "=", value
    if value is not None and value < _SMALLEST_P:
        sign, shown = "<", _SMALLEST_P
    elif value is not None and value > 1 - _SMALLEST_P:
        sign, shown = ">", 1 - _SMALLEST_P
    return f"p{SPACE}{sign}{SPACE}{number(shown, language, 3)}"


def plural(count: float, forms: tuple[str, str, str], language: Language) -> str:
    """The form of a noun after `count`, of (one, few, many): Russian 1, 21 / 2-4, 22, 1.5 / 0, 5, 11-14."""
    if language == "en":
        return forms[0] if count == 1 else forms[2]
    if count != int(count):
        return forms[1]
    last_two = abs(int(count)) % 100
    if 11 <= last_two <= 14:
        return forms[2]
    return {1: forms[0], 2: forms[1], 3: forms[1], 4: forms[1]}.get(last_two % 10, forms[2])


def counted(count: float, noun: str, language: Language) -> str:
    """A count with its noun, a key of the table above: `1 540 клиентов`, `1 продукт`, `1,540 clients`."""
    return f"{number(count, language)}{SPACE}{plural(count, _NOUNS[noun][language], language)}"


def quantity(value: float | None, unit: str | None, language: Language, decimals: int) -> str:
    """A measured value in the unit that a mart names: `37,7 года`, `653 балла`, `99 645 ₽`."""
    text = number(value, language, decimals)
    if value is None or not math.isfinite(value) or not unit:
        return text
    noun = _COUNTED_UNITS.get(unit)
    if noun is None:
        return text + sign(unit, language)
    shown = 0.5 if decimals else round(value)  # even 1.0 takes the form of a fraction: 1.0 years, 1,0 года
    return text + SPACE + plural(shown, _NOUNS[noun][language], language)


def escaped(text: str) -> str:
    """`text` from outside (a file or city name) on one line and without any meaning in Markdown or HTML."""
    one_line = "".join(char if char.isprintable() or char == SPACE else " " for char in text)
    return re.sub(r"([\\`*_{}\[\]()#|~!$@:])", r"\\\1", html.escape(one_line, quote=False))


@dataclass(frozen=True)
class Labels:
    """What traits, levels and rules are called in one language, from the marts' dimensions."""

    language: Language
    traits: dict[str, str]
    units: dict[str, str]
    levels: dict[tuple[str, str], str]

    def trait(self, trait: str, kind: Literal["category", "number"] = "category") -> str:
        """The name of a trait, or its identifier where the dimension has none."""
        return self.traits.get(f"{kind} {trait}", trait)

    def level(self, trait: str, level: object) -> str:
        """The label of one level of a trait, or the level itself where the dimension has none."""
        return self.levels.get((trait, str(level)), str(level))

    def trait_level(self, trait: str, level: object) -> str:
        """Trait and level: `Город: Рыбинск`."""
        return f"{self.trait(trait)}: {self.level(trait, level)}"

    def rule(self, rule: str) -> str:
        """A rule of a segment or population in words (`Возраст меньше 35; Город: Рыбинск`), or as it is."""
        if rule == "true":
            return TEXT["everyone"][self.language]
        if dropped := _NEGATION.fullmatch(rule):
            return TEXT["everyone_but"][self.language].format(rule=self.rule(dropped[1]))
        clauses = [_CLAUSE.fullmatch(clause) for clause in _NEXT_CLAUSE.split(rule)]
        return "; ".join(self._clause(clause) for clause in clauses if clause) if all(clauses) else rule

    def _clause(self, clause: re.Match[str]) -> str:
        column, operator, value = clause["column"], clause["operator"], clause["value"]
        if column == "is_churned" and operator in ("=", "<>"):
            return TEXT["churned" if (value == "true") == (operator == "=") else "active"][self.language]
        named = (self.traits.get(f"{kind} {column}") for kind in ("category", "number"))
        name = next(filter(None, named), column)
        shown = self.levels.get((column, value), value)
        return _OPERATORS[operator][self.language].format(column=name, value=shown)


def labels(marts: Marts, language: Language) -> Labels:
    """The labels of one language."""
    traits, levels = marts.dim_traits, marts.dim_trait_levels
    keys = traits["kind"] + " " + traits["trait"]
    units = traits.dropna(subset=f"unit_{language}")
    level_keys = zip(levels["trait"], levels["level"], strict=True)
    level_labels = (_GROUPED_DIGITS.sub(SPACE, label) for label in levels[f"label_{language}"])
    return Labels(
        language,
        dict(zip(keys, traits[f"name_{language}"], strict=True)),
        dict(zip(units["trait"], units[f"unit_{language}"], strict=True)),
        dict(zip(level_keys, level_labels, strict=True)),
    )


def difference(row: pd.Series[Any], language: Language) -> str:
    """A tested row's difference and adjusted interval: `−3,88 п. п. (97,5 % ДИ от −5,83 до −1,91)`.

    The plain interval, where none belongs to the test.
    """
    middle = quantity(scale_of(row) * row["difference"], row[f"unit_{language}"], language, _decimals(row))
    return f"{middle} ({difference_interval(row, language, interval_suffix(row))})"


def interval_suffix(row: pd.Series[Any]) -> Literal["", "_adjusted"]:
    """Which interval of a tested row is shown: the adjusted one where it has one."""
    return "" if pd.isna(row["difference_low_adjusted"]) else "_adjusted"


def difference_interval(
    row: pd.Series[Any], language: Language, suffix: Literal["", "_adjusted"] = ""
) -> str:
    """The interval of a tested row's difference, as it is or Holm-adjusted."""
    low, high = (scale_of(row) * row[f"difference_{end}{suffix}"] for end in ("low", "high"))
    confidence = row["confidence_adjusted"] if suffix else CONFIDENCE
    return confidence_interval(between(low, high, language, _decimals(row)), language, confidence)


def margin(row: pd.Series[Any], language: Language) -> str:
    """The margin of a tested row's equivalence: `±2,00 п. п.`."""
    value = scale_of(row) * row["equivalence_margin"]
    return f"±{quantity(value, row[f'unit_{language}'], language, _decimals(row))}"


def estimate(row: pd.Series[Any], column: str, language: Language) -> str:
    """A group's mean, share or probability of superiority in a tested row: `37,75 года`, `22,66 %`."""
    if row["kind"] in _IN_PERCENT:
        return percent(row[column], language, 2)
    return quantity(row[column], row[f"unit_{language}"], language, _decimals(row))


def scale_of(row: pd.Series[Any]) -> float:
    """By what the values of a tested row are multiplied where they are shown: shares by 100."""
    return 100 if row["kind"] in _IN_PERCENT else 1


def _decimals(row: pd.Series[Any]) -> int:
    """No decimals where the estimates run into thousands, else two."""
    return 0 if row["kind"] == "mean" and max(map(abs, row[list(_ESTIMATES)])) >= 1000 else 2
