"""The one place that writes a figure or a name as text: numbers by CLDR, sentences by one gettext catalogue.

English stands where it is used, Russian in `locale/ru.po`. What traits, levels, segments and hypotheses are called
comes from the marts, which have it from the seeds.
"""

import gettext
import html
import io
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeGuard, TypeVar

import pandas as pd
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, get_currency_symbol
from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined, select_autoescape

from bank_segments import ROOT
from bank_segments.marts import Marts, find, groups, ranked, rows, where

Language = Literal["ru", "en"]
Noun = Literal["client", "active client", "product", "month"]
T = TypeVar("T")
Row: TypeAlias = "Mapping[str, Any] | pd.Series[Any]"
LANGUAGES: tuple[Language, ...] = ("ru", "en")

SPACE = "\u00a0"
MISSING = "—"
# The confidence level of every interval in the marts (docs of `interval_z` and of the hypothesis results).
CONFIDENCE = 0.95
_SMALLEST_P = 0.001
_LOCALE = Path(__file__).with_name("locale")
_TEMPLATES = Path(__file__).with_name("outputs")
# The kinds of hypotheses whose estimates are shares or probabilities.
_IN_PERCENT = {"proportion", "rank"}


def N_(message: str) -> str:  # noqa: N802 - what gettext calls it
    """Mark `message` for the catalogue where it is written before it is said."""
    return message


def n_(one: str, many: str) -> tuple[str, str]:
    """Mark the singular and the plural of a message for the catalogue."""
    return one, many


_VERDICTS = {
    "different": N_("different"),
    "negligible": N_("different but negligible"),
    "equivalent": N_("equivalent within the margin"),
    "inconclusive": N_("inconclusive"),
    "not_tested": N_("not tested"),
}
_TESTS = {
    "welch_t": N_("Welch's t-test"),
    "brunner_munzel": N_("Brunner-Munzel test"),
    "cochran_mantel_haenszel": N_("Cochran-Mantel-Haenszel test"),
    "mann_whitney_u": N_("Mann-Whitney U test"),
    "two_proportion_z": N_("two-proportion z-test"),
    "fisher_exact": N_("Fisher's exact test"),
}
EFFECTS = {
    "hedges_g": N_("Hedges' g"),
    "cohen_h": N_("Cohen's h"),
    "odds_ratio": N_("odds ratio"),
    "mantel_haenszel_odds_ratio": N_("odds ratio within strata"),
    "probability_of_superiority": N_("probability of superiority"),
}
_TERMS = _VERDICTS | _TESTS | EFFECTS
# Where the conclusions tell more about a finding of that kind: the heading there.
FINDING_PLACES = {
    "proposal": N_("When a proposal pays"),
    "candidate": N_("Segments that the search found"),
    "driver": N_("What goes with churn when all else is equal"),
}
_NOUNS: dict[Noun, tuple[str, str]] = {
    "client": n_("%(num)s\u00a0client", "%(num)s\u00a0clients"),
    "active client": n_("%(num)s\u00a0active client", "%(num)s\u00a0active clients"),
    "product": n_("%(num)s\u00a0product", "%(num)s\u00a0products"),
    "month": n_("%(num)s\u00a0month", "%(num)s\u00a0months"),
}
# The units of the seeds that agree with their number, by how either language spells them there.
_YEAR, _POINT = n_("%(num)s\u00a0year", "%(num)s\u00a0years"), n_("%(num)s\u00a0point", "%(num)s\u00a0points")
_COUNTED_UNITS = {"лет": _YEAR, "years": _YEAR, "баллов": _POINT, "points": _POINT}
# What is not shown where the bank's table lacks it, by the column of `dim_bank` that says so.
_LACKING = {
    "has_territory": N_("The bank’s table has no territory: nothing is shown by it."),
    "has_product_count": N_(
        "The bank’s table has no number of products: there is no portrait by it, and a client counts as one product."
    ),
    "has_balance_column": N_("The bank’s table has no account balance: what a client is worth rests on fees alone."),
}
_OPERATORS = {
    "=": N_("%(column)s: %(value)s"),
    "<>": N_("%(column)s: not %(value)s"),
    "<": N_("%(column)s below %(value)s"),
    "<=": N_("%(column)s at most %(value)s"),
    ">": N_("%(column)s above %(value)s"),
    ">=": N_("%(column)s at least %(value)s"),
}
_GROUPED_DIGITS = re.compile(r"(?<=\d) (?=\d{3})")
_CLAUSE = re.compile(r"(?P<column>[a-z_]+) (?P<operator>=|<>|<=|>=|<|>) (?P<value>.+)")
_NEGATION = re.compile(r"not \((.+)\)")
_NEXT_CLAUSE = re.compile(r" and (?=[a-z_]+ (?:=|<>|<=|>=|<|>) )")


def is_known(value: T | None) -> TypeGuard[T]:
    """Whether a mart's value is neither NULL nor NaN nor infinite, so that it can be written."""
    return value is not None and value is not pd.NA and (not isinstance(value, float) or math.isfinite(value))


def is_shown(row: Mapping[str, Any] | None) -> bool:
    """Whether there is a row and it may be shown; one without clients tells of none."""
    return row is not None and (not row["is_too_small"] or row.get("clients") == 0)


def decimals_of(*values: float | None) -> int:
    """How many decimals a measured quantity (a median, a mean) is shown with: fewer the larger it is."""
    known = [abs(float(value)) for value in values if is_known(value)]
    if max(known, default=0.0) >= 1000 or all(value.is_integer() for value in known):
        return 0
    return 1 if max(known) >= 1 or all(round(value, 1) == value for value in known) else 2


def decimals_of_medians(rows: Iterable[Row]) -> int:
    """How many decimals the medians and quartiles of a trait are shown with that stand side by side."""
    return decimals_of(*(row[name] for row in rows if not row["is_too_small"] for name in ("median", "p25", "p75")))


def printable(text: str) -> str:
    """`text` on one line, with a space for every character that cannot be printed."""
    return "".join(char if char.isprintable() or char == SPACE else " " for char in text)


def escaped(text: str) -> str:
    """`text` from outside (a file or city name) on one line and without any meaning in Markdown or HTML."""
    return re.sub(r"([\\`*_{}\[\]#|~!$@]|:(?=\S))", r"\\\1", html.escape(printable(text), quote=False))


def capitalised(text: str) -> str:
    """`text` with a capital letter first; a Latin symbol in a Russian text stays small, as in `g Хеджеса`."""
    return text if re.match(r"[a-z]\s[^\x00-\x7f]", text) else text[:1].upper() + text[1:]


def catalogue(language: Language) -> Catalog:
    """The messages of `language` as its translators wrote them; of English, which stands in the code, none."""
    path = _LOCALE / f"{language}.po"
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


@cache
def _translations(language: Language) -> gettext.NullTranslations:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@dataclass(frozen=True)
class Words:
    """One language: its sentences, its numbers, and what the marts' dimensions call things in it."""

    language: Language
    traits: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    levels: Mapping[tuple[str, str], str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    currency: str = ""
    bank: Mapping[str, Any] = field(default_factory=dict)

    # Sentences

    def gettext(self, message: str, **values: object) -> str:
        """`message`, whose English is its own key, with `%(name)s` filled in; a percent sign is written `%%`."""
        return _translations(self.language).gettext(message) % values

    def ngettext(self, one: str, many: str, count: float, **values: object) -> str:
        """The form that goes with `count`, which `%(num)s` stands for; a fraction takes the form of 2 to 4."""
        whole = int(count) if count == int(count) else 2
        values = {"num": self.number(count), **values}
        return _translations(self.language).ngettext(one, many, whole) % values

    def environment(self) -> Environment:
        """Jinja over the templates of the outputs: `_` and `ngettext` say sentences, `words` writes figures.

        HTML and XML escape what they are given; in Markdown a text from outside goes through the filter `escaped`.
        `fact` and `label` are given a figure and a name: an output may say where it comes from, and how long it can be.
        """
        # To compile the templates takes most of a second of a run.
        compiled = ROOT / "target/templates"
        compiled.mkdir(parents=True, exist_ok=True)
        environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=select_autoescape(("html", "html.j2", "xml.j2")),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            bytecode_cache=FileSystemBytecodeCache(str(compiled)),
        )
        translations = _translations(self.language)
        environment.install_gettext_callables(  # type: ignore[attr-defined]
            translations.gettext, translations.ngettext, newstyle=True, pgettext=translations.pgettext
        )
        environment.globals |= {
            "words": self,
            "language": self.language,
            "CONFIDENCE": CONFIDENCE,
            "EFFECTS": EFFECTS,
            "FINDING_PLACES": FINDING_PLACES,
            "MISSING": MISSING,
            "N_": N_,
            "decimals_of_medians": decimals_of_medians,
            "fact": lambda text, *_source, **_of: text,
            "find": find,
            "groups": groups,
            "where": where,
        }
        environment.filters |= {
            "capitalised": capitalised,
            "escaped": escaped,
            "label": str,
            "ranked": ranked,
            "trait_name": self.trait,
        }
        environment.tests |= {"known": is_known, "shown": is_shown}
        return environment

    # Numbers

    def number(self, value: float | None, decimals: int = 0) -> str:
        """`value` with that many decimals, a true minus sign and grouped digits; a dash where it is missing."""
        if not is_known(value):
            return MISSING
        text = _written(value, decimals, self.language)
        return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")

    def percent(self, fraction: float | None, decimals: int = 1) -> str:
        """A fraction as a percentage: `27,7 %` in Russian (with a no-break space), `27.7%` in English."""
        if not is_known(fraction):
            return MISSING
        sign = Locale(self.language).percent_formats[None].pattern.lstrip("#,0")
        text = _written(fraction, decimals, self.language, sign)
        return text.replace("-", "−")

    def points(self, fraction: float, decimals: int = 1) -> str:
        """A difference of two fractions in percentage points: `3,9 п. п.`."""
        return self.gettext("%(points)s\u00a0pp", points=self.number(100 * fraction, decimals))

    def quantity(self, value: float | None, unit: str | None, decimals: int) -> str:
        """A measured value in the unit that a mart names: `37,7 года`, `653 балла`."""
        text = self.number(value, decimals)
        if not is_known(value) or not unit:
            return text
        is_sign_of_money = len(unit) == 1 and unicodedata.category(unit) == "Sc"
        if is_sign_of_money and Locale(self.language).currency_formats["standard"].pattern.startswith("¤"):
            return re.sub("^−?", rf"\g<0>{unit}", text)
        if unit not in _COUNTED_UNITS:
            return text + SPACE + unit
        # Even 1.0 takes the form of a fraction: 1.0 years, 1,0 года.
        shown = 0.5 if decimals else round(value)
        return self.ngettext(*_COUNTED_UNITS[unit], shown, num=text)

    def counted(self, count: float, noun: Noun) -> str:
        """A count with its noun: `1 540 клиентов`, `1 продукт`, `1,540 clients`."""
        return self.ngettext(*_NOUNS[noun], count)

    def between(self, low: float, high: float, decimals: int, unit: str = "") -> str:
        """A range: `от −5,6 до −2,2 п. п.`, `−5.6 to −2.2 pp`."""
        ends = {"low": self.number(low, decimals), "high": self.number(high, decimals)}
        return self.gettext("%(low)s to %(high)s", **ends) + (SPACE + unit if unit else "")

    def percent_between(self, low: float, high: float, decimals: int = 1) -> str:
        """A range of fractions: `от 26,5 до 29,0 %`, `26.5 to 29.0%`."""
        ends = {"low": self.number(100 * low, decimals), "high": self.percent(high, decimals)}
        return self.gettext("%(low)s to %(high)s", **ends)

    def confidence_interval(self, ends: str, confidence: float = CONFIDENCE) -> str:
        """The range `ends` named as an interval: `95 % ДИ от 26,5 до 29,0 %`, `98.3% CI −1.0 to 0.1`."""
        level = self.percent(confidence, 0 if confidence == CONFIDENCE else 1)
        return self.gettext("%(level)s CI %(ends)s", level=level, ends=ends)

    def p_value(self, value: float | None) -> str:
        """`p = 0,037`, `p < 0,001` or `p > 0,999` with no-break spaces: never a p-value of exactly 0 or 1."""
        text = self.p_number(value)
        return f"p{SPACE}{text}" if text[0] in "<>" else f"p{SPACE}={SPACE}{text}"

    def p_number(self, value: float | None) -> str:
        """A p-value under a heading that says what it is: `0,037`, `< 0,001`."""
        if value is not None and value < _SMALLEST_P:
            return f"<{SPACE}{self.number(_SMALLEST_P, 3)}"
        if value is not None and value > 1 - _SMALLEST_P:
            return f">{SPACE}{self.number(1 - _SMALLEST_P, 3)}"
        return self.number(value, 3)

    # Rates with their interval, in a row that has `churn_rate`, `churn_rate_low` and `churn_rate_high`

    def rate_and_ends(self, row: Row) -> tuple[str, str]:
        """The known churn rate and the range of its interval: `27,7 %` and `от 26,5 до 29,0 %`.

        Both have as many decimals, 1 to 3, as tell the ends of the interval apart.
        """
        low, high = row["churn_rate_low"], row["churn_rate_high"]
        told_apart = (count for count in (1, 2, 3) if self.percent(low, count) != self.percent(high, count))
        decimals = next(told_apart, 1)
        return self.percent(row["churn_rate"], decimals), self.percent_between(low, high, decimals)

    def rate_with_interval(self, row: Row) -> str:
        """The churn rate with its interval: `27,7 % (95 % ДИ от 26,5 до 29,0 %)`."""
        if not is_known(row["churn_rate"]):
            return MISSING
        rate, ends = self.rate_and_ends(row)
        return f"{rate} ({self.confidence_interval(ends)})"

    # A row of `fct_hypothesis_results` with the columns of its hypothesis in `dim_hypotheses`

    def estimate(self, row: Row, column: str) -> str:
        """A group's mean, share or probability of superiority: `37,75 года`, `22,66 %`."""
        if row["kind"] in _IN_PERCENT:
            return self.percent(row[column], 2)
        return self.quantity(row[column], self.name(row, "unit"), _decimals(row))

    def difference(self, row: Row) -> str:
        """The difference and the interval shown with it: `−3,88 п. п. (97,5 % ДИ от −5,83 до −1,91)`."""
        return f"{self.bare_difference(row)} ({self.difference_interval(row, interval_suffix(row))})"

    def bare_difference(self, row: Row) -> str:
        """The difference alone: `−3,88 п. п.`."""
        return self.quantity(scale_of(row) * row["difference"], self.name(row, "unit"), _decimals(row))

    def difference_interval(self, row: Row, suffix: Literal["", "_adjusted"] = "") -> str:
        """The interval of the difference, as it is or Holm-adjusted."""
        low, high = (scale_of(row) * row[f"difference_{end}{suffix}"] for end in ("low", "high"))
        level = row["confidence_adjusted"] if suffix else CONFIDENCE
        return self.confidence_interval(self.between(low, high, _decimals(row)), level)

    def margin(self, row: Row) -> str:
        """The margin within which a difference is negligible: `±2,00 п. п.`."""
        value = scale_of(row) * row["equivalence_margin"]
        return f"±{self.quantity(value, self.name(row, 'unit'), _decimals(row))}"

    # The economics of retention

    def money(self, value: float | None) -> str:
        """A sum of the bank's money in whole units, `11 060` with its sign."""
        return self.quantity(value, self.currency, 0)

    def assumed(self, value: float | None, assumption: Row) -> str:
        """A value of an assumption in its unit: `15,0 %`, `3 года`."""
        unit = self.name(assumption, "unit")
        return self.percent(value) if unit == "%" else self.quantity(value, unit, decimals_of(value))

    def term(self, term: str) -> str:
        """What a conclusion, a test or an effect size of a mart is called."""
        return self.gettext(_TERMS[term])

    # Names

    def name(self, row: Row, column: str) -> str:
        """A text that a mart holds in both languages: `name` is its column `name_ru` or `name_en`."""
        return str(row[f"{column}_{self.language}"])

    def trait(self, trait: str, kind: Literal["category", "number"] = "category") -> str:
        """The name of a trait, or its identifier where the dimension has none."""
        return self.traits.get(f"{kind} {trait}", trait)

    @property
    def territory(self) -> str:
        """The trait that is the bank's territory; empty where it has none."""
        return self.roles.get("territory", "")

    @property
    def lacking(self) -> list[str]:
        """What the bank's table lacks, and what is therefore not shown."""
        return [self.gettext(said) for column, said in _LACKING.items() if not self.bank[column]]

    def level(self, trait: str, level: object) -> str:
        """The label of one level of a trait or of the outcome, or the level itself where the dimension has none."""
        if trait == "is_churned":
            return self.gettext("churned") if level == "true" else self.gettext("active")
        return self.levels.get((trait, str(level)), str(level))

    def trait_level(self, trait: str, level: object) -> str:
        """Trait and level: `Карта: есть`."""
        return f"{self.trait(trait)}: {self.level(trait, level)}"

    def rule(self, rule: str) -> str:
        """A rule of a segment or population in words (`Возраст меньше 35; Карта: есть`), or as it is."""
        if rule == "true":
            return self.gettext("all accepted rows")
        if dropped := _NEGATION.fullmatch(rule):
            return self.gettext("all accepted rows but (%(rule)s)", rule=self.rule(dropped[1]))
        clauses = [_CLAUSE.fullmatch(clause) for clause in _NEXT_CLAUSE.split(rule)]
        return "; ".join(self._clause(clause) for clause in clauses if clause) if all(clauses) else rule

    def _clause(self, clause: re.Match[str]) -> str:
        column, operator, value = clause["column"], clause["operator"], clause["value"]
        if column == "is_churned" and operator in ("=", "<>"):
            is_churned = (value == "true") == (operator == "=")
            return self.level(column, str(is_churned).lower())
        named = self.traits.get(f"category {column}") or self.trait(column, "number")
        return self.gettext(_OPERATORS[operator], column=named, value=self._value(column, value))

    def _value(self, column: str, value: str) -> str:
        """What a rule compares with: the label of a level, a number of a number trait, or the text as it is."""
        if f"number {column}" in self.traits and (column, value) not in self.levels:
            return self.number(float(value), len(value.partition(".")[2]))
        return self.levels.get((column, value), value)


def words_of(marts: Marts, language: Language) -> Words:
    """The words of `language` with the names in the marts' dimensions."""
    traits, levels = marts.dim_traits, marts.dim_trait_levels
    units = traits.dropna(subset=f"unit_{language}")
    level_labels = (_GROUPED_DIGITS.sub(SPACE, label) for label in levels[f"label_{language}"])
    placed = traits.dropna(subset="trait_role")
    (bank,) = rows(marts.dim_bank)
    return Words(
        language,
        dict(zip(traits["kind"] + " " + traits["trait"], traits[f"name_{language}"], strict=True)),
        dict(zip(units["trait"], units[f"unit_{language}"], strict=True)),
        dict(zip(zip(levels["trait"], levels["level"], strict=True), level_labels, strict=True)),
        dict(zip(placed["trait_role"], placed["trait"], strict=True)),
        # The sign, for which English has a code where the currency is not its own.
        get_currency_symbol(bank["currency"], "ru"),
        bank,
    )


def interval_suffix(row: Row) -> Literal["", "_adjusted"]:
    """Which interval of a tested row is shown: the adjusted one where it has one."""
    return "" if pd.isna(row["difference_low_adjusted"]) else "_adjusted"


def scale_of(row: Row) -> float:
    """By what the values of a tested row are multiplied where they are shown: shares by 100."""
    return 100 if row["kind"] in _IN_PERCENT else 1


def _decimals(row: Row) -> int:
    """No decimals where the estimates run into thousands, else two."""
    estimates = (row["first_group_estimate"], row["second_group_estimate"])
    return 0 if row["kind"] == "mean" and max(map(abs, estimates)) >= 1000 else 2


def rounded(value: float, decimals: int) -> Decimal:
    """`value` with that many decimals; a half goes away from zero, as in Excel.

    Of a double the 15 digits count that it surely holds: 100 * 0.285 is 28.5.
    """
    digits = f"{value:.15g}" if isinstance(value, float) else str(value)
    return Decimal(digits).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, Context(prec=60))


def _written(value: float, decimals: int, language: Language, sign: str = "") -> str:
    """`value` by its pattern; as a percentage where there is a percent sign."""
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "") + sign
    return format_decimal(rounded(value, decimals + 2 * bool(sign)), pattern, locale=language)
