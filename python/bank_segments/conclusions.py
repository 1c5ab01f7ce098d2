"""The written findings, in Russian and in English: every number comes from the marts at run time.

The sentences of both languages take the same numbers in the same order, so that neither can say more than the
other. "Not rejected" is never written as "equal": only a test of equivalence may say so. The page is the Markdown
rendered, with the charts inside, so it cannot say anything else either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from bank_segments.conclusions_page import conclusions_page
from bank_segments.marts import (
    Marts,
    flipped,
    hypothesis_rows,
    is_compared,
    proposal_rows,
    segment_rows,
    sensitivity_rows,
)
from bank_segments.wording import (
    EFFECTS,
    LANGUAGES,
    TESTS,
    TEXT,
    VERDICTS,
    Labels,
    Language,
    between,
    counted,
    decimals_of,
    difference,
    difference_interval,
    escaped,
    estimate,
    is_known,
    labels,
    margin,
    number,
    p_value,
    percent,
    quantity,
    rate_with_interval,
)

if TYPE_CHECKING:
    from bank_segments.charts import Chart

_TEXT: dict[str, dict[Language, str]] = {
    "title": {
        "ru": "# Выводы об оттоке и сегментах клиентов",
        "en": "# Findings on churn and client segments",
    },
    "input": {"ru": "## Исходные данные и их качество", "en": "## Input and its quality"},
    "rows": {
        "ru": "- Файл {file}: строк прочитано {read}, принято {accepted}, отклонено {rejected}.",
        "en": "- File {file}: rows read {read}, accepted {accepted}, rejected {rejected}.",
    },
    "churned": {
        "ru": "- Ушло {churned} из {clients}; доля ушедших по банку — {rate}.",
        "en": "- Of the clients, {churned} out of {clients} left; the bank-wide churn rate is {rate}.",
    },
    "loyal": {
        "ru": "- Лояльных и при этом ушедших: {count}. Эти строки сохранены: противоречия в них нет.",
        "en": "- Both loyal and gone: {count}. These rows are kept: they are no contradiction.",
    },
    "no_balance": {
        "ru": "- Без остатка на счёте: {count}. Это сведение о клиенте, а не пропуск: ничего не подставлено.",
        "en": "- Without an account balance: {count}. That is a fact about the client, not a gap: nothing "
        "is filled in.",
    },
    "leavers": {"ru": "## Портрет ушедших", "en": "## Who leaves"},
    "levels": {
        "ru": "Уровни, у которых доля ушедших выше доли по банку ({rate}) вместе со всем своим интервалом:",
        "en": "Levels whose churn rate is above the bank-wide one ({rate}) together with its whole interval:",
    },
    "level": {
        "ru": "- **{level}**: ушло {churned} из {clients}, то есть {rate}; это {lift}.",
        "en": "- **{level}**: {churned} of {clients} left, that is {rate}; {lift}.",
    },
    "lift": {
        "ru": "в {times} раза больше, чем по банку",
        "en": "{times} times the bank-wide rate",
    },
    "hardly_higher": {
        "ru": "почти столько же, сколько по банку",
        "en": "hardly above the bank-wide rate",
    },
    "no_levels": {"ru": "- таких уровней нет.", "en": "- there is no such level."},
    "flat_traits": {
        "ru": "Ни один уровень так не выделяется у признаков: {traits}. Это не доказывает, что связи с "
        "оттоком нет.",
        "en": "No level stands out like that for: {traits}. That does not prove that they are unrelated to "
        "churn.",
    },
    "medians": {
        "ru": "Медианы; в скобках — границы средней половины клиентов:",
        "en": "Medians; in brackets the bounds of the middle half of the clients:",
    },
    "median": {
        "ru": "- {trait}: у ушедших {churned}, у активных {active}.",
        "en": "- {trait}: {churned} among the churned, {active} among the active.",
    },
    "products": {"ru": "## Портрет по числу продуктов", "en": "## Portrait by number of products"},
    "product_rate": {
        "ru": "- Клиентов {clients}: активных {active}, ушедших {churned}. Доля ушедших — {rate}.",
        "en": "- Clients: {clients}, of them active {active}, churned {churned}. The churn rate is {rate}.",
    },
    "all_left": {
        "ru": "- Активных клиентов нет, ушли все: {churned}. Портрета активных поэтому нет.",
        "en": "- No client is active, all have left: {churned}. So there is no portrait of the active ones.",
    },
    "usual": {
        "ru": "- Чаще всего среди активных: {levels}.",
        "en": "- Most common among the active: {levels}.",
    },
    "product_medians": {"ru": "- Медианы активных: {medians}.", "en": "- Medians of the active: {medians}."},
    "segments": {"ru": "## Сегменты", "en": "## Segments"},
    "overlap": {
        "ru": "Охват — доля всех принятых клиентов. Клиент может входить в несколько сегментов, поэтому "
        "охваты не складываются.",
        "en": "Coverage is the share of all accepted clients. A client may be in several segments, so "
        "coverages do not add up.",
    },
    "rule": {"ru": "- Правило: {rule}.", "en": "- Rule: {rule}."},
    "coverage": {"ru": "- Охват: {clients}, {coverage}.", "en": "- Coverage: {clients}, {coverage}."},
    "rate": {"ru": "- Доля ушедших: {rate}.", "en": "- Churn rate: {rate}."},
    "fixed_rate": {
        "ru": "- Доля ушедших: {rate}. Она задана самим правилом и о риске ничего не говорит.",
        "en": "- Churn rate: {rate}. The rule itself sets it, so it says nothing about the risk.",
    },
    "empty_segment": {
        "ru": "- Клиентов нет, поэтому нет и доли ушедших.",
        "en": "- There are no clients, so there is no churn rate.",
    },
    "hypotheses": {
        "ru": "## Гипотезы",
        "en": "## Hypotheses",
    },
    "reading": {
        "ru": "Разность — значение у первой группы, названной в гипотезе, минус значение у второй. "
        "Интервалы разностей и p-значения — с поправкой Холма на число гипотез в совокупности. «Не "
        "отвергнута» не значит «верна»: о равнозначности говорится только там, где она проверена отдельно, "
        "без поправки.",
        "en": "A difference is the value of the first group that the hypothesis names minus that of the second. "
        "Intervals of differences and p-values are Holm-adjusted for the number of hypotheses in the "
        "population. “Not rejected” does not mean “true”: equivalence is claimed only where it was tested "
        "in its own right, unadjusted.",
    },
    "null": {"ru": "### «{null}»", "en": "### “{null}”"},
    "result": {
        "ru": "- **{population}** ({two} и {one}): {estimate_two} против {estimate_one}, разность "
        "{difference}, {p}, {effect}. {conclusion}",
        "en": "- **{population}** ({two} and {one}): {estimate_two} against {estimate_one}, difference "
        "{difference}, {p}, {effect}. {conclusion}",
    },
    "untested": {
        "ru": "- **{population}** ({two} и {one}): {outcome}. {reason}",
        "en": "- **{population}** ({two} and {one}): {outcome}. {reason}",
    },
    "different": {
        "ru": "Нулевая гипотеза отвергнута: группы различаются.",
        "en": "The null hypothesis is rejected: the groups differ.",
    },
    "negligible": {
        "ru": "Нулевая гипотеза отвергнута, но {interval} без поправки целиком лежит в пределах {margin}: "
        "различие пренебрежимо мало.",
        "en": "The null hypothesis is rejected, but {interval}, unadjusted, lies wholly within {margin}: "
        "the difference is negligible.",
    },
    "equivalent": {
        "ru": "Нулевая гипотеза не отвергнута, и отдельно показано, что группы равнозначны в пределах "
        "{margin} ({p}).",
        "en": "The null hypothesis is not rejected, and a separate test shows equivalence within {margin} "
        "({p}).",
    },
    "inconclusive": {
        "ru": "Нулевая гипотеза не отвергнута, но и равнозначность в пределах {margin} не показана ({p}): "
        "вывода сделать нельзя.",
        "en": "The null hypothesis is not rejected, but equivalence within {margin} is not shown either "
        "({p}): the data do not decide.",
    },
    "undecided": {
        "ru": "Нулевая гипотеза не отвергнута, а равнозначность этим критерием не проверяется: вывода сделать нельзя.",
        "en": "The null hypothesis is not rejected, and this test cannot show equivalence: the data do not decide.",
    },
    "same_decision": {
        "ru": " То же решение дают: {tests}.",
        "en": " The same decision follows from: {tests}.",
    },
    "other_decision": {
        "ru": " Другое решение дают: {tests}.",
        "en": " Another decision follows from: {tests}.",
    },
    "changes": {
        "ru": "## Что меняется между совокупностями",
        "en": "## What changes between the populations",
    },
    "change": {"ru": "- {metric}: {conclusions}.", "en": "- {metric}: {conclusions}."},
    "no_changes": {
        "ru": "Где гипотеза проверена больше чем в одной совокупности, вывод один и тот же.",
        "en": "Where a hypothesis was tested in more than one population, the answer is the same.",
    },
    "one_population": {
        "ru": "Ни одна гипотеза не проверена больше чем в одной совокупности: сравнивать не с чем.",
        "en": "No hypothesis was tested in more than one population: there is nothing to compare.",
    },
    "why_changes": {
        "ru": "Совокупности отличаются тем, кто из ушедших в них входит: вывод об одной нельзя переносить "
        "на другую.",
        "en": "The populations differ in who of the leavers belongs to them: what holds in one need not in "
        "another.",
    },
    "flips": {"ru": "## Где вердикт меняется", "en": "## Where a verdict flips"},
    "flips_intro": {
        "ru": "Каждая гипотеза проверена ещё и в каждой совокупности, в каждом городе отдельно и без крайних "
        "значений. Здесь все проверки, вердикт которых не тот, что у всех клиентов вместе; остальные с ним "
        "совпадают или невозможны. «Вывода сделать нельзя» в одном городе может значить лишь, что клиентов "
        "там мало.",
        "en": "Each hypothesis was also tested in every population, in each city alone and without extreme "
        "values. Here are all tests whose verdict is not the one for all clients together; the others agree "
        "with it or are impossible. “Inconclusive” in one city may only mean that there are few clients.",
    },
    "flips_of": {
        "ru": "**{metric}**; все клиенты вместе — {baseline}. Иначе:",
        "en": "**{metric}**; all clients together — {baseline}. Otherwise:",
    },
    "flip": {"ru": "- {population}: {verdict} — {where}.", "en": "- {population}: {verdict} — {where}."},
    "no_flips": {
        "ru": "Ни в одной из проверок вердикт не меняется.",
        "en": "The verdict flips in none of these tests.",
    },
    "all_cities": {"ru": "все города вместе", "en": "all cities together"},
    "untrimmed": {"ru": "все значения", "en": "all values"},
    "trimmed": {"ru": "без крайних значений", "en": "without extreme values"},
    "either": {"ru": "с крайними значениями и без них", "en": "with extreme values and without them"},
    "proposals": {"ru": "## Предложения против оттока", "en": "## Proposals against churn"},
    "proposals_intro": {
        "ru": "Похожие клиенты — все, кто подходит под правило сегмента без условия, что клиент активен. Сколько "
        "адресатов уйдёт, посчитано в предположении, что уходить они будут как похожие клиенты. Это ожидание "
        "без предложения: ни срока, ни того, сколько из них оно удержит, данные не говорят. Сегменты могут "
        "пересекаться, поэтому адресаты разных предложений не складываются.",
        "en": "Lookalikes are all clients who meet the segment’s rule without its condition that a client is "
        "active. How many will leave is counted on the assumption that they leave like their lookalikes. "
        "That is what to expect without the proposal: neither over what time nor how many of them it keeps "
        "do the data say. Segments may overlap, so the clients of different proposals do not add up.",
    },
    "proposal": {"ru": "### «{segment}» — {title}", "en": "### “{segment}” — {title}"},
    "whom": {
        "ru": "- **Кому.** Активные клиенты сегмента ({rule}), их {target}. Уйдут, если ничего не менять: {expected}.",
        "en": "- **Whom.** The active clients of the segment ({rule}), {target}. Leavers if nothing changes: "
        "{expected}.",
    },
    "what": {"ru": "- **Что.** {offer}", "en": "- **What.** {offer}"},
    "why": {
        "ru": "- **Почему.** {why} Из похожих клиентов ({lookalikes}) ушло {churned}, то есть {rate}; по банку — "
        "{bank}.",
        "en": "- **Why.** {why} Of the lookalikes ({lookalikes}) {churned} left, that is {rate}; bank-wide, {bank}.",
    },
    "why_alone": {
        "ru": "- **Почему.** {why} Похожих клиентов нет, поэтому доли ушедших среди них тоже нет.",
        "en": "- **Why.** {why} There are no lookalikes, so there is no churn rate of theirs.",
    },
    "condition": {
        "ru": "- **Что должно быть верно.** {condition}",
        "en": "- **What must be true.** {condition}",
    },
    "no_proposals": {"ru": "Предложений нет.", "en": "There are no proposals."},
    "limits": {"ru": "## Границы выводов", "en": "## Limits of these findings"},
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

# Which charts stand under the heading of which section.
_CHARTS = {
    "leavers": ("churn_by_trait", "leavers_portrait"),
    "products": ("product_count_portraits",),
    "segments": ("segments",),
    "hypotheses": ("hypotheses_forest",),
}
# Takes a text with the relation, columns and row that its numbers come from, and returns the text.
Cite = Callable[..., str]


def _uncited(text: str, relation: str, *columns: str, key: Mapping[str, object]) -> str:
    return text


def write_conclusions(
    marts: Marts, directory: Path, *, input_name: str, is_synthetic: bool, charts: Sequence[Chart] = ()
) -> list[Path]:
    """Write the findings to `directory` as `conclusions.<language>.md` and `.html`, and return the paths.

    `input_name` is the name of the client file as the user gave it; it is escaped here. The Markdown points at
    `charts`, which lie below `directory`; the page holds them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for language in LANGUAGES:
        files = {
            chart: chart.path.relative_to(directory).as_posix()
            for chart in charts
            if chart.language == language
        }
        images = {chart.name: f"![{escaped(chart.title)}]({file})" for chart, file in files.items()}
        body = _body(marts, language, input_name, images)
        page = conclusions_page(
            body,
            language,
            title=heading("title", language),
            is_synthetic=is_synthetic,
            pictures={file: chart.path for chart, file in files.items()},
        )
        for suffix, text in (("md", _with_title(body, language, is_synthetic)), ("html", page)):
            paths.append(directory / f"conclusions.{language}.{suffix}")
            paths[-1].write_text(text, encoding="utf-8")
    return paths


def conclusions(marts: Marts, language: Language, *, input_name: str, is_synthetic: bool) -> str:
    """The findings of one language as Markdown, without charts."""
    return _with_title(_body(marts, language, input_name, {}), language, is_synthetic)


def _with_title(body: str, language: Language, is_synthetic: bool) -> str:
    synthetic = f"**{TEXT['synthetic'][language]}**\n\n" if is_synthetic else ""
    return f"{synthetic}{_TEXT['title'][language]}\n\n{body}"


def _body(marts: Marts, language: Language, input_name: str, images: Mapping[str, str]) -> str:
    """Every section as Markdown; `images`, by the name of the chart, follow the heading of their section."""
    words = labels(marts, language)
    words = replace(words, levels={key: escaped(label) for key, label in words.levels.items()})
    lines = list(_input(marts, language, input_name))
    for name, section in _SECTIONS.items():
        title, *rest = section(marts, words)
        shown = (images[chart] for chart in _CHARTS.get(name, ()) if chart in images)
        lines += ["", title, *(line for image in shown for line in ("", image)), *rest]
    return "\n".join(lines) + "\n"


def heading(key: str, language: Language) -> str:
    """The heading of a section, as it stands on the page."""
    return _TEXT[key][language].lstrip("# ")


def _say(key: str, language: Language, **values: str) -> str:
    return _TEXT[key][language].format(**values)


def _input(marts: Marts, language: Language, input_name: str) -> Iterator[str]:
    counts = {name: number(value, language) for name, value in marts.row_counts.iloc[0].items()}
    yield _say("input", language)
    yield ""
    yield _say(
        "rows",
        language,
        file=escaped(input_name),
        read=counts["read_rows"],
        accepted=counts["accepted_rows"],
        rejected=counts["rejected_rows"],
    )
    yield _say(
        "churned",
        language,
        churned=number(marts.churned_clients, language),
        clients=number(marts.clients, language),
        rate=percent(marts.churn_rate, language),
    )
    yield _say("loyal", language, count=counts["loyal_churned_clients"])
    yield _say("no_balance", language, count=counts["clients_without_balance"])


def _lift(lift: float, language: Language) -> str:
    """How a churn rate compares with the bank's: a ratio that rounds to 1.0 is no ratio worth naming."""
    return _say("hardly_higher" if round(lift, 1) <= 1 else "lift", language, times=number(lift, language, 1))


def _leavers(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    portrait = marts.fct_churn_portrait
    higher = portrait[portrait["churn_rate_low"] > marts.churn_rate]
    yield _say("leavers", language)
    yield ""
    yield _say("levels", language, rate=percent(marts.churn_rate, language))
    yield ""
    for _, row in higher.sort_values("lift", ascending=False, kind="stable").iterrows():
        yield _say(
            "level",
            language,
            level=words.trait_level(row["trait"], row["level"]),
            churned=number(row["churned_clients"], language),
            clients=number(row["clients"], language),
            rate=rate_with_interval(row, language),
            lift=_lift(row["lift"], language),
        )
    if higher.empty:
        yield _say("no_levels", language)
    flat = [trait for trait in portrait["trait"].unique() if trait not in set(higher["trait"])]
    if flat:
        yield ""
        yield _say("flat_traits", language, traits=", ".join(map(words.trait, flat)))
    yield ""
    yield _say("medians", language)
    yield ""
    numbers = marts.fct_churn_portrait_numbers
    for trait, rows in numbers.groupby("trait", sort=False):
        medians = {row["population"]: _median(row, words) for _, row in rows.iterrows()}
        medians = {group: medians.get(group, TEXT["no_clients"][language]) for group in ("churned", "active")}
        yield _say("median", language, trait=words.trait(str(trait), "number"), **medians)


def _median(row: pd.Series[Any], words: Labels) -> str:
    """A median with the bounds of the middle half: `45 лет (от 38 до 51)`."""
    unit = words.units.get(row["trait"], "")
    decimals = decimals_of(row["median"], row["p25"], row["p75"])
    half = between(row["p25"], row["p75"], words.language, decimals)
    return f"{quantity(row['median'], unit, words.language, decimals)} ({half})"


def _products(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    yield _say("products", language)
    for _, row in marts.fct_product_count_metrics.iterrows():
        yield ""
        yield f"### {counted(row['product_count'], 'product', language)}"
        yield ""
        yield _say(
            "product_rate",
            language,
            clients=number(row["clients"], language),
            active=number(row["active_clients"], language),
            churned=number(row["churned_clients"], language),
            rate=rate_with_interval(row, language),
        )
        if row["active_clients"]:
            yield from _product_portrait(marts, words, row["product_count"])
        else:
            yield _say("all_left", language, churned=number(row["churned_clients"], language))


def _product_portrait(marts: Marts, words: Labels, product_count: int) -> Iterator[str]:
    portrait = marts.fct_product_count_portrait
    rows = portrait[portrait["product_count"] == product_count]
    usual = rows.loc[rows.groupby("trait", sort=False)["share"].idxmax()]
    levels = (
        f"{words.trait_level(row['trait'], row['level'])} ({percent(row['share'], words.language)})"
        for _, row in usual.iterrows()
    )
    yield _say("usual", words.language, levels="; ".join(levels))
    numbers = marts.fct_product_count_portrait_numbers
    medians = (
        f"{words.trait(row['trait'], 'number')} — {_median(row, words)}"
        for _, row in numbers[numbers["product_count"] == product_count].iterrows()
    )
    yield _say("product_medians", words.language, medians="; ".join(medians))


def _segments(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    yield _say("segments", language)
    yield ""
    yield _say("overlap", language)
    for _, row in segment_rows(marts).iterrows():
        yield ""
        if row["segment_id"] == "none":
            yield f"### {TEXT['no_segment'][language]}"
            yield ""
        else:
            yield f"### {row[f'name_{language}']}"
            yield ""
            yield row[f"description_{language}"]
            yield ""
            yield _say("rule", language, rule=words.rule(row["rule"]))
        clients = counted(row["clients"], "client", language)
        yield _say("coverage", language, clients=clients, coverage=percent(row["coverage"], language))
        if is_known(row["churn_rate"]):
            rate, key = rate_with_interval(row, language), "rate"
            if row["is_fixed"]:
                rate, key = percent(row["churn_rate"], language), "fixed_rate"
            yield _say(key, language, rate=rate)
        else:
            yield _say("empty_segment", language)


def _hypotheses(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    yield _say("hypotheses", language)
    yield ""
    yield _say("reading", language)
    for _, rows in hypothesis_rows(marts).groupby("hypothesis_id", sort=False):
        yield ""
        yield _say("null", language, null=rows[f"null_{language}"].iloc[0])
        yield ""
        for _, row in rows.iterrows():
            yield _hypothesis(marts, row, language)


def _hypothesis(marts: Marts, row: pd.Series[Any], language: Language) -> str:
    who = {
        "population": _capitalised(row[f"name_{language}"]),
        "two": number(row["n_two_products"], language),
        "one": number(row["n_one_product"], language),
    }
    if row["conclusion"] == "not_tested":
        outcome = TEXT["hypothesis_not_tested"][language]
        return _say("untested", language, **who, outcome=outcome, reason=row[f"reason_{language}"])
    is_undecided = row["conclusion"] == "inconclusive" and pd.isna(row["equivalence_p_value"])
    conclusion = _say(
        "undecided" if is_undecided else row["conclusion"],
        language,
        interval=difference_interval(row, language),
        margin=margin(row, language),
        p=p_value(row["equivalence_p_value"], language),
    )
    effect = EFFECTS.get(row["effect_size_name"], {}).get(language, row["effect_size_name"])
    return _say(
        "result",
        language,
        **who,
        estimate_two=estimate(row, "estimate_two_products", language),
        estimate_one=estimate(row, "estimate_one_product", language),
        difference=difference(row, language),
        p=p_value(row["p_value_adjusted"], language),
        effect=f"{effect} {number(row['effect_size'], language, 2)}",
        conclusion=conclusion + other_tests(marts, row, language),
    )


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


def _changes(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    rows = hypothesis_rows(marts)
    changed = flipped(rows)
    yield _say("changes", language)
    yield ""
    for _, group in rows[rows["hypothesis_id"].isin(changed)].groupby("hypothesis_id", sort=False):
        conclusions = (
            f"{row[f'name_{language}']} — {VERDICTS[row['conclusion']][language]}"
            for _, row in group.iterrows()
        )
        metric = group[f"metric_{language}"].iloc[0]
        yield _say("change", language, metric=metric, conclusions="; ".join(conclusions))
    if changed:
        yield ""
    yield _say(
        "why_changes" if changed else "no_changes" if is_compared(rows) else "one_population", language
    )


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


def _flips(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    yield _say("flips", language)
    yield ""
    found = flips(marts, words)
    yield _say("flips_intro" if found else "no_flips", language)
    last = ""
    for flip in found:
        if flip.hypothesis_id != last:
            last = flip.hypothesis_id
            yield ""
            yield _say("flips_of", language, metric=flip.metric, baseline=VERDICTS[flip.baseline][language])
            yield ""
        yield _say(
            "flip",
            language,
            population=flip.name,
            verdict=VERDICTS[flip.conclusion][language],
            where=flip.where,
        )


def _proposals(marts: Marts, words: Labels) -> Iterator[str]:
    language = words.language
    rows = proposal_rows(marts)
    yield _say("proposals", language)
    yield ""
    yield _say("no_proposals" if rows.empty else "proposals_intro", language)
    for _, row in rows.iterrows():
        yield ""
        yield _say("proposal", language, segment=row[f"name_{language}"], title=row[f"title_{language}"])
        yield ""
        rule = words.rule(row["rule"])
        yield _say("whom", language, rule=rule, **proposal_numbers(row, language))
        yield _say("what", language, offer=row[f"offer_{language}"])
        if is_known(row["lookalike_churn_rate"]):
            yield _say(
                "why",
                language,
                why=row[f"why_{language}"],
                lookalikes=number(row["lookalike_clients"], language),
                churned=number(row["lookalike_churned_clients"], language),
                rate=percent(row["lookalike_churn_rate"], language),
                bank=percent(marts.churn_rate, language),
            )
        else:
            yield _say("why_alone", language, why=row[f"why_{language}"])
        yield _say("condition", language, condition=row[f"condition_{language}"])


def proposal_numbers(row: pd.Series[Any], language: Language) -> dict[str, str]:
    """To how many clients a proposal goes, and how many of them are expected to leave."""
    return {
        "target": number(row["target_clients"], language),
        "expected": number(row["expected_churned_clients"], language),
    }


def _limits(marts: Marts, words: Labels) -> Iterator[str]:
    yield _say("limits", words.language)
    yield ""
    yield from (f"- {limit}" for limit in limits(marts, words))


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


_SECTIONS: dict[str, Callable[[Marts, Labels], Iterator[str]]] = {
    "leavers": _leavers,
    "products": _products,
    "segments": _segments,
    "hypotheses": _hypotheses,
    "changes": _changes,
    "flips": _flips,
    "proposals": _proposals,
    "limits": _limits,
}


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
