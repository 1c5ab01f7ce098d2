"""What the deck says in the words that the conclusions had before their template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bank_segments.marts import Marts, segment_rows, sensitivity_rows
from bank_segments.wording import TESTS, Labels, Language, counted, escaped, number, p_value

_TEXT: dict[str, dict[Language, str]] = {
    "same_decision": {
        "ru": " То же решение дают: {tests}.",
        "en": " The same decision follows from: {tests}.",
    },
    "other_decision": {
        "ru": " Другое решение дают: {tests}.",
        "en": " Another decision follows from: {tests}.",
    },
    "all_cities": {"ru": "все города вместе", "en": "all cities together"},
    "untrimmed": {"ru": "все значения", "en": "all values"},
    "trimmed": {"ru": "без крайних значений", "en": "without extreme values"},
    "either": {"ru": "с крайними значениями и без них", "en": "with extreme values and without them"},
    "observational": {
        "ru": "Данные наблюдательные: они показывают связь, но не доказывают причину.",
        "en": "The data are observational: they show association and do not prove a cause.",
    },
    "snapshot": {
        "ru": "Это один снимок без дат: не видно, когда клиент пришёл, ушёл или купил продукт и что было "
        "раньше.",
        "en": "This is one snapshot without dates: when a client came, left or bought a product, and in "
        "which order, is unknown.",
    },
    "single_intervals": {
        "ru": "Интервалы долей построены для каждой доли отдельно: среди многих уровней какой-то может "
        "выделиться случайно.",
        "en": "Intervals of rates are built for each rate alone: among many levels one may stand out by "
        "chance.",
    },
    "small_groups": {
        "ru": "Доли малых групп ненадёжны. Самая малая группа активных по числу продуктов: {products} — "
        "{active}; самый малый сегмент: {segment} — {clients}.",
        "en": "Shares of small groups are unreliable. The smallest group of active clients by number of "
        "products: {products} — {active}; the smallest segment: {segment} — {clients}.",
    },
    "population": {"ru": "Совокупность «{name}»: {rule}.", "en": "Population “{name}”: {rule}."},
}

# Takes a text with the relation, columns and row that its numbers come from, and returns the text.
Cite = Callable[..., str]


def _uncited(text: str, relation: str, *columns: str, key: Mapping[str, object]) -> str:
    return text


def _say(key: str, language: Language, **values: str) -> str:
    return _TEXT[key][language].format(**values)


def other_tests(marts: Marts, primary: pd.Series[Any], language: Language, cite: Cite = _uncited) -> str:
    """Whether the other tests of the same hypothesis and population lead to the same decision."""
    names = ("hypothesis_id", "population", "test")
    results = marts.fct_hypothesis_results
    rows = results[
        (results["hypothesis_id"] == primary["hypothesis_id"])
        & (results["population"] == primary["population"])
        & ~results["is_primary"].astype(bool)
        & results["p_value_adjusted"].notna()
    ]
    said = ""
    for key, same in (("same_decision", True), ("other_decision", False)):
        tests = [
            f"{TESTS.get(row['test'], {}).get(language, row['test'])}, "
            + cite(
                p_value(row["p_value_adjusted"], language),
                "marts.fct_hypothesis_results",
                "p_value_adjusted",
                key={name: row[name] for name in names},
            )
            for _, row in rows.iterrows()
            if (row["is_null_rejected"] == primary["is_null_rejected"]) == same
        ]
        said += _say(key, language, tests="; ".join(tests)) if tests else ""
    return said


@dataclass(frozen=True)
class Flips:
    """The tests of one hypothesis in one population that share a verdict which is not the baseline's."""

    hypothesis_id: str
    population: str
    metric: str
    name: str
    baseline: str
    conclusion: str
    where: str


def flips(marts: Marts, words: Labels) -> list[Flips]:
    """Every flip of the sensitivity analysis in words, those of one population and verdict together."""
    language = words.language
    found = []
    keys = ["hypothesis_id", "population", "conclusion"]
    for (hypothesis, population, conclusion), rows in sensitivity_rows(marts).groupby(keys, sort=False):
        first = rows.iloc[0]
        found.append(
            Flips(
                str(hypothesis),
                str(population),
                first[f"metric_{language}"],
                first[f"name_{language}"],
                str(first["baseline_conclusion"]),
                str(conclusion),
                _where(marts, rows, words),
            )
        )
    return found


def _where(marts: Marts, rows: pd.DataFrame, words: Labels) -> str:
    """The cities of the flipped `rows`, together where they flip with extreme values as without them."""
    language = words.language
    hypothesis = marts.fct_hypothesis_sensitivity["hypothesis_id"] == rows["hypothesis_id"].iloc[0]
    applied = set(marts.fct_hypothesis_sensitivity["trimming"][hypothesis])
    cities: dict[tuple[str, ...], list[str]] = {}
    for city, part in rows.groupby("city", sort=False):
        named = _say("all_cities", language) if city == "all" else words.level("city", city)
        cities.setdefault(tuple(part["trimming"]), []).append(named)
    return "; ".join(
        ", ".join(names) + _trimming(trimmed, applied, language) for trimmed, names in cities.items()
    )


def _trimming(trimmed: Iterable[str], applied: set[str], language: Language) -> str:
    """Under which trimmings of those applied a test flips; nothing where there is no choice."""
    if len(applied) < 2:
        return ""
    if set(trimmed) == applied:
        return f" ({_say('either', language)})"
    names = [
        _say("untrimmed", language)
        if each == "none"
        else _say("trimmed", language) + (f" {escaped(each)}" if len(applied) > 2 else "")
        for each in trimmed
    ]
    return f" ({', '.join(names)})"


def proposal_numbers(row: pd.Series[Any], language: Language) -> dict[str, str]:
    """To how many clients a proposal goes, and how many of them are expected to leave."""
    return {
        "target": number(row["target_clients"], language),
        "expected": number(row["expected_churned_clients"], language),
    }


def limits(marts: Marts, words: Labels, cite: Cite = _uncited) -> Iterator[str]:
    """What the findings do not show, a sentence each."""
    language = words.language
    for sentence in ("observational", "snapshot", "single_intervals"):
        yield _say(sentence, language)
    metrics, segments = marts.fct_product_count_metrics, segment_rows(marts)
    active = metrics[metrics["active_clients"] > 0]
    filled = segments[(segments["clients"] > 0) & (segments["segment_id"] != "none")]
    if len(active) and len(filled):
        products = active.nsmallest(1, "active_clients").iloc[0]
        segment = filled.nsmallest(1, "clients").iloc[0]
        relation, key = "marts.fct_product_count_metrics", {"product_count": products["product_count"]}
        product_count = counted(products["product_count"], "product", language)
        clients = counted(segment["clients"], "client", language)
        active_clients = counted(products["active_clients"], "active_client", language)
        yield _say(
            "small_groups",
            language,
            products=cite(product_count, relation, "product_count", key=key),
            active=cite(active_clients, relation, "active_clients", key=key),
            segment=segment[f"name_{language}"],
            clients=cite(
                clients, "marts.fct_segment_metrics", "clients", key={"segment_id": segment["segment_id"]}
            ),
        )
    for _, row in marts.dim_populations.iterrows():
        rule = cite(
            words.rule(row["rule"]), "marts.dim_populations", "rule", key={"population": row["population"]}
        )
        yield _say("population", language, name=row[f"name_{language}"], rule=rule)
