"""The deck, in Russian and in English: titles that state the finding, editable charts, sources in the notes.

Every text with a number goes through `Slide.fact`, which writes down the relation, the columns and the row that
the number comes from; the notes list them, and the tests look each of them up again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from bank_segments.marts import Marts, flipped, hypothesis_rows, is_compared, proposal_rows, segment_rows
from bank_segments.outputs.deck_charts import (
    Point,
    Series,
    axis_around,
    forest_picture,
    native_chart,
    percent_axis,
)
from bank_segments.outputs.deck_findings import Flips, flips, limits, other_tests, proposal_numbers
from bank_segments.outputs.deck_page import (
    ACCENT,
    BODY,
    INK,
    LIGHT,
    WARNING,
    WASH,
    Box,
    Deck,
    Fact,
    Paragraph,
    Run,
    Slide,
    bold,
    describe,
    fitted,
    plain,
)
from bank_segments.wording import (
    CONFIDENCE,
    EFFECTS,
    LANGUAGES,
    MISSING,
    SPACE,
    TESTS,
    TEXT,
    VERDICTS,
    Labels,
    Language,
    between,
    counted,
    decimals_of,
    difference,
    estimate,
    interval_suffix,
    is_known,
    labels,
    margin,
    number,
    p_value,
    percent,
    quantity,
    rate_and_ends,
    scale_of,
)

_RATES = ("churn_rate", "churn_rate_low", "churn_rate_high")
_MAIN = 4  # the hypotheses with a slide of their own
_LEVELS = 9  # levels of the portrait of the leavers
_PRODUCT_COUNTS = 3  # product counts compared on one slide
_ON_A_SLIDE = {"segments": 7, "hypotheses": 6, "proposals": 2, "tests": 12}
_LABEL = 32  # characters of a name
_CARD_SIZES, _CARD_GAP = (15, 14, 13, 12, 11, 10, 9), 5
_CAPTION_SIZES = (16, 14, 13, 12, 11, 10, 9)
_PALE = "F3C6AC"
_RESULTS = "marts.fct_hypothesis_results"
_PORTRAIT = "marts.fct_churn_portrait"
_PRODUCTS = "marts.fct_product_count_metrics"
_SEGMENTS = "marts.fct_segment_metrics"
_PROPOSALS = "marts.fct_retention_proposals"
_COUNTS = "quality.row_counts"

_TEXT: dict[str, dict[Language, str]] = {
    "sources": {
        "ru": "Откуда числа ([ряд | категория диаграммы] текст ← таблица: столбцы [строка]):",
        "en": "Where the numbers come from ([series | category of a chart] text ← relation: columns [row]):",
    },
    "author": {"ru": "Проект «Сегменты банка»", "en": "Bank segments project"},
    "footer": {"ru": "Файл: {file}", "en": "File: {file}"},
    "footer_synthetic": {"ru": "Файл: {file}. Данные синтетические", "en": "File: {file}. Synthetic data"},
    "question_section": {
        "ru": "Отток и сегменты клиентов банка",
        "en": "Churn and segments of the bank’s clients",
    },
    "question_title": {
        "ru": "Из {clients} клиентов банка ушли {churned}, это {rate}",
        "en": "Of the bank’s {clients} clients {churned} have left: {rate}",
    },
    "question_label": {"ru": "Вопрос. ", "en": "The question. "},
    "question": {
        "ru": "Кто уходит, чем клиенты с двумя продуктами отличаются от клиентов с одним и кого удерживать?",
        "en": "Who leaves, how do clients with two products differ from those with one, and whom to keep?",
    },
    "data_label": {"ru": "Данные. ", "en": "The data. "},
    "data": {
        "ru": "Один снимок клиентской базы без дат, файл «{file}». Признаки: {traits}.",
        "en": "One snapshot of the client base without dates, file “{file}”. Traits: {traits}.",
    },
    "main": {"ru": "Главное", "en": "In short"},
    "tile_clients": {"ru": "клиентов принято", "en": "clients accepted"},
    "tile_churned": {"ru": "из них ушли", "en": "of them left"},
    "tile_rate": {"ru": "доля ушедших", "en": "churn rate"},
    "tile_rejected": {"ru": "строк отклонено", "en": "rows rejected"},
    "quality_section": {"ru": "Качество данных", "en": "Data quality"},
    "quality_title": {
        "ru": "Принято строк: {accepted} из {read}; пропуски ничем не заполнены",
        "en": "Rows accepted: {accepted} of {read}; no gap has been filled in",
    },
    "quality_table": {
        "ru": "Что проверено|Строк|Что это значит",
        "en": "What was checked|Rows|What it means",
    },
    "read": {
        "ru": "Прочитано|Каждая строка файла учтена: она либо принята, либо отклонена.",
        "en": "Read|Every row of the file is accounted for: either accepted or rejected.",
    },
    "accepted": {
        "ru": "Принято|По этим строкам посчитано всё, что есть в презентации.",
        "en": "Accepted|Everything in this deck is computed from these rows.",
    },
    "rejected": {
        "ru": "Отклонено|Причины — на странице о качестве данных, сами строки — в витринах для BI.",
        "en": "Rejected|The reasons are on the quality page, the rows themselves in the marts for BI tools.",
    },
    "loyal": {
        "ru": "Лояльные, но ушедшие|Противоречия нет, строки сохранены. Проверено, что меняется без них.",
        "en": "Loyal, yet gone|No contradiction: the rows are kept. What changes without them has been tested.",
    },
    "no_balance": {
        "ru": "Без остатка на счёте|Это сведение о клиенте, а не пропуск. Остатки описаны по остальным клиентам.",
        "en": "Without an account balance|A fact about the client, not a gap. Balances describe the other clients.",
    },
    "quality_say": {
        "ru": "Подробности проверок, пределы и сравнение с прошлым выпуском — на странице о качестве данных.",
        "en": "The checks in detail, their limits and the comparison with the release before are on the quality page.",
    },
    "leavers_section": {"ru": "Портрет ушедших", "en": "Portrait of the leavers"},
    "levels_title": {
        "ru": "Заметнее всего отток в группе «{level}»: {rate} при {bank} по банку",
        "en": "Churn stands out most for “{level}”: {rate} against {bank} bank-wide",
    },
    "no_levels_title": {
        "ru": "Ни одна группа не выделяется: нигде отток заведомо не выше, чем {bank} по банку",
        "en": "No group stands out: churn is nowhere clearly above the bank’s {bank}",
    },
    "levels_reading": {
        "ru": "Показаны группы, у которых весь интервал выше доли по банку; они идут по нижней границе. Столбец — доля "
        "ушедших, отрезок — {level} интервал Уилсона, n — число клиентов.",
        "en": "Shown are the groups whose whole interval lies above the bank’s rate, by its lower end. The bar is the "
        "churn rate, the line its {level} Wilson interval, n the number of clients.",
    },
    "flat": {
        "ru": "Ни одна группа так не выделяется по признакам: {traits}. Это не доказывает, что связи нет.",
        "en": "No group stands out like that by: {traits}. That does not prove that there is no relation.",
    },
    "bounds": {"ru": "до нижней границы|до верхней границы", "en": "down to the low end|up to the high end"},
    "churn_rate": {"ru": "Доля ушедших", "en": "Churn rate"},
    "rate_header": {"ru": "Доля ушедших ({level}\u00a0ДИ)", "en": "Churn rate ({level}\u00a0CI)"},
    "medians_title": {
        "ru": "Сильнее всего ушедших отличает «{trait}»: медиана {churned}, у активных — {active}",
        "en": "What marks the leavers most is “{trait}”: a median of {churned} against {active} for the active",
    },
    "no_medians_title": {
        "ru": "Чем ушедшие отличаются от активных",
        "en": "How leavers differ from the active",
    },
    "shares_reading": {
        "ru": "Слева — группы, доля которых среди ушедших больше всего превышает их долю среди активных. Справа — "
        "медианы, под ними границы средней половины клиентов.",
        "en": "Left, the groups whose share of the leavers exceeds their share of the active most. Right, medians, "
        "with the bounds of the middle half of the clients below.",
    },
    "medians_table": {"ru": "Медиана|Ушедшие|Активные", "en": "Median|Churned|Active"},
    "products_section": {"ru": "Портреты по числу продуктов", "en": "Portraits by number of products"},
    "products_title": {
        "ru": "Самый низкий отток — {low_rate} ({low}), самый высокий — {high_rate} ({high})",
        "en": "Churn is lowest with {low} ({low_rate}) and highest with {high} ({high_rate})",
    },
    "no_products_title": {
        "ru": "По числу продуктов отток не различается: {rate} по банку",
        "en": "Churn does not differ by number of products: {rate} bank-wide",
    },
    "products_table": {
        "ru": "Число продуктов|Клиентов|Активных|Ушедших",
        "en": "Products|Clients|Active|Churned",
    },
    "products_reading": {
        "ru": "Отрезок на диаграмме — интервал Уилсона. Снимок без дат не говорит, что было раньше: продукт или "
        "решение уйти.",
        "en": "The line in the chart is the Wilson interval. A snapshot without dates does not tell what came first: "
        "the product or the decision to leave.",
    },
    "portraits_title": {
        "ru": "Сильнее всего активные клиенты различаются долей «{level}»: {first} — {first_share}, {second} — "
        "{second_share}",
        "en": "Active clients differ most in the share “{level}”: {first} — {first_share}, {second} — {second_share}",
    },
    "no_portraits_title": {
        "ru": "Портреты активных клиентов по числу продуктов",
        "en": "Portraits of the active clients by number of products",
    },
    "portraits_reading": {
        "ru": "Слева — доли групп среди активных клиентов. Справа — медианы, под ними границы средней половины.",
        "en": "Left, shares of groups among the active clients. Right, medians, with the middle half below.",
    },
    "median": {"ru": "Медиана", "en": "Median"},
    "segments_section": {"ru": "Сегменты", "en": "The segments"},
    "segments_title": {
        "ru": "Выше всего отток в сегменте «{segment}»: {rate}; в нём {coverage} всех клиентов",
        "en": "Churn is highest in the segment “{segment}”: {rate}; it holds {coverage} of all clients",
    },
    "no_segments_title": {
        "ru": "Охват сегментов; отток не выделяет ни одного",
        "en": "Coverage of the segments",
    },
    "segments_table": {"ru": "Сегмент|Правило|Клиентов|Охват", "en": "Segment|Rule|Clients|Coverage"},
    "coverage": {"ru": "Охват: доля всех клиентов", "en": "Coverage: share of all clients"},
    "segments_reading": {
        "ru": "Клиент может входить в несколько сегментов, поэтому охваты не складываются.",
        "en": "A client may be in several segments, so coverages do not add up.",
    },
    "hypothesis_section": {
        "ru": "Гипотеза: «{null}»",
        "en": "Hypothesis: “{null}”",
    },
    "hypothesis_title": {
        "ru": "{metric}: {first_value} ({first}), {second_value} ({second}) — {verdict}",
        "en": "{metric}: {first_value} ({first}), {second_value} ({second}) — {verdict}",
    },
    "in_others": {"ru": "; {population} — {verdict}", "en": "; {population} — {verdict}"},
    "likewise": {"ru": "так же", "en": "likewise"},
    "groups_different": {"ru": "группы различаются", "en": "the groups differ"},
    "groups_negligible": {
        "ru": "группы различаются, но пренебрежимо мало",
        "en": "the groups differ, but negligibly",
    },
    "groups_equivalent": {
        "ru": "группы равнозначны в заданных пределах",
        "en": "the groups are equivalent within the margin",
    },
    "groups_inconclusive": {"ru": "вывода сделать нельзя", "en": "the data do not decide"},
    "groups_not_tested": TEXT["hypothesis_not_tested"],
    "tests": {"ru": "{test}.{others}", "en": "{test}.{others}"},
    "hypothesis_reading": {
        "ru": "Точка — разность «{first} минус {second}», отрезок — её интервал с поправкой Холма, черты — граница, "
        "внутри которой разность пренебрежимо мала.",
        "en": "The dot is the difference “{first} minus {second}”, the line its Holm-adjusted interval, the dashes the "
        "margin within which a difference is negligible.",
    },
    "hypothesis_say": {
        "ru": "«Не отвергнута» не значит «верна»: о равнозначности говорится только там, где она проверена отдельно.",
        "en": "“Not rejected” does not mean “true”: equivalence is claimed only where it was tested in its own right.",
    },
    "sizes": {"ru": "Клиентов в группах", "en": "Clients in the groups"},
    "difference": {"ru": "Разность", "en": "Difference"},
    "interval": {"ru": "Интервал разности", "en": "Its interval"},
    "p_adjusted": {"ru": "p с поправкой Холма", "en": "Holm-adjusted p"},
    "null": {"ru": "Нулевая гипотеза", "en": "Null hypothesis"},
    "is_rejected": {"ru": "отвергнута", "en": "rejected"},
    "is_kept": {"ru": "не отвергнута", "en": "not rejected"},
    "margin": {"ru": "Граница равнозначности", "en": "Equivalence margin"},
    "p_equivalence": {"ru": "p равнозначности", "en": "Equivalence p"},
    "effect": {"ru": "{effect} ({level}\u00a0ДИ)", "en": "{effect} ({level}\u00a0CI)"},
    "verdict": {"ru": "Вывод", "en": "Verdict"},
    "margin_high": {"ru": "Граница равнозначности", "en": "Equivalence margin"},
    "margin_low": {"ru": "Граница снизу", "en": "Lower margin"},
    "changes_section": {"ru": "Что меняется между совокупностями", "en": "What changes between populations"},
    "flips_title": {
        "ru": "Вывод зависит от того, кого сравнивать: {metrics}",
        "en": "The answer depends on who is compared: {metrics}",
    },
    "no_flips_title": {
        "ru": "Выводы одинаковы во всех совокупностях",
        "en": "The answers are the same for every population",
    },
    "one_population_title": {
        "ru": "Гипотезы проверены не более чем в одной совокупности: сравнивать не с чем",
        "en": "No hypothesis was tested in two populations: there is nothing to compare",
    },
    "changes_axis": {
        "ru": "Разность групп в единицах границы: серая полоса — внутри границы, отрезок — интервал с поправкой "
        "Холма, стрелка — ещё дальше",
        "en": "Difference of the groups in units of the margin: grey band, within the margin; line, Holm-adjusted "
        "interval; arrow, further out",
    },
    "where_else": {
        "ru": "Где вердикт не тот, что у всех клиентов вместе",
        "en": "Where the verdict is not that of all clients together",
    },
    "flip": {"ru": "{population}: {verdict} — {where}.", "en": "{population}: {verdict} — {where}."},
    "nowhere": {"ru": "Нигде.", "en": "Nowhere."},
    "flips_reading": {
        "ru": "Каждая гипотеза проверена в каждой совокупности, в каждом городе и без крайних значений. «Вывода "
        "сделать нельзя» в одном городе может значить лишь, что клиентов там мало.",
        "en": "Each hypothesis was tested in every population, in each city and without extreme values. “Inconclusive” "
        "in one city may only mean that there are few clients.",
    },
    "proposals_section": {"ru": "Предложения против оттока", "en": "Proposals against churn"},
    "proposals_top": {
        "ru": "Если ничего не менять, больше всего уходов даст сегмент «{segment}»: {expected} из {target}",
        "en": "If nothing changes, the segment “{segment}” loses the most clients: {expected} of {target}",
    },
    "proposals_title": {
        "ru": "Если ничего не менять, уйдут {segments}",
        "en": "If nothing changes, {segments} will leave",
    },
    "proposals_of": {
        "ru": "{expected} из {target} («{segment}»)",
        "en": "{expected} of {target} (“{segment}”)",
    },
    "and": {"ru": " и ", "en": " and "},
    "no_proposals_title": {
        "ru": "Предложений против оттока нет",
        "en": "There are no proposals against churn",
    },
    "unknown_proposals_title": {
        "ru": "Сколько клиентов уйдёт, если ничего не менять, оценить нельзя",
        "en": "How many clients leave if nothing changes cannot be estimated",
    },
    "proposals_reading": {
        "ru": "Уходы посчитаны так, будто активные клиенты будут уходить, как похожие на них; сколько удержит "
        "предложение, покажет только пилот. Сегменты могут пересекаться, поэтому их числа не складываются.",
        "en": "Leavers are counted as if active clients left like their lookalikes; how many a proposal keeps, only a "
        "pilot can tell. Segments may overlap, so their numbers do not add up.",
    },
    "card": {"ru": "«{segment}»: {title}", "en": "“{segment}”: {title}"},
    "card_target": {"ru": "активных клиентов", "en": "active clients"},
    "card_expected": {"ru": "ожидается уходов", "en": "expected to leave"},
    "card_rate": {"ru": "ушло из похожих", "en": "of lookalikes left"},
    "whom_label": {"ru": "Кому. ", "en": "Whom. "},
    "whom": {
        "ru": "Всем активным клиентам сегмента «{segment}», их {target}.",
        "en": "All active clients of the segment “{segment}”, {target} in all.",
    },
    "what_label": {"ru": "Что. ", "en": "What. "},
    "why_label": {"ru": "Почему. ", "en": "Why. "},
    "condition_label": {"ru": "Что должно быть верно. ", "en": "What must be true. "},
    "limits_section": {"ru": "Границы выводов", "en": "Limits of the findings"},
    "limits_title": {
        "ru": "Данные показывают связь, а не причину: удержит ли предложение, покажет только пилот",
        "en": "The data show association, not cause: only a pilot can tell whether a proposal keeps clients",
    },
    "appendix_section": {"ru": "Приложение: все критерии", "en": "Appendix: every test"},
    "appendix_same": {
        "ru": "Дополнительные критерии везде решают так же, как основной",
        "en": "The further tests decide as the primary one does everywhere",
    },
    "appendix_other": {
        "ru": "Дополнительные критерии решают иначе, чем основной: {metrics}",
        "en": "The further tests decide otherwise than the primary one: {metrics}",
    },
    "appendix_none": {"ru": "Ни одна гипотеза не проверялась", "en": "No hypothesis was tested"},
    "metric": {"ru": "Что сравнивается", "en": "What is compared"},
    "who": {"ru": "Кто", "en": "Who"},
    "primary": {"ru": "{test} (основной)", "en": "{test} (primary)"},
    "equivalence": {"ru": "Равнозначность", "en": "Equivalence"},
    "otherwise": {"ru": "{p} (иначе)", "en": "{p} (differs)"},
    "appendix_reading": {
        "ru": "p-значения с поправкой Холма на число гипотез в совокупности; у равнозначности — без поправки.",
        "en": "p-values are Holm-adjusted for the hypotheses of the population; those of equivalence are not.",
    },
}


@dataclass(frozen=True)
class _Context:
    """What every slide is made from."""

    deck: Deck
    marts: Marts
    words: Labels
    input_name: str
    is_synthetic: bool

    @property
    def language(self) -> Language:
        return self.words.language

    def say(self, key: str, **values: str) -> str:
        return _TEXT[key][self.language].format(**values)

    def parts(self, key: str) -> list[str]:
        return _TEXT[key][self.language].split("|")

    @property
    def confidence(self) -> str:
        return percent(CONFIDENCE, self.language, 0)

    @property
    def bounds(self) -> tuple[str, str]:
        low, high = self.parts("bounds")
        return low, high


def write_decks(marts: Marts, directory: Path, *, input_name: str, is_synthetic: bool) -> list[Path]:
    """Write `presentation.ru.pptx` and `presentation.en.pptx` to `directory`, and return the paths.

    `input_name` is the name of the client file as the user gave it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return [
        _deck(_short_names(marts), language, plain(input_name, 70), is_synthetic).write(
            directory / f"presentation.{language}.pptx"
        )
        for language in LANGUAGES
    ]


def _deck(marts: Marts, language: Language, input_name: str, is_synthetic: bool) -> Deck:
    text = _TEXT["footer_synthetic" if is_synthetic else "footer"][language].format(file=input_name)
    footer = Fact(text, "run.json", ("input.file",))
    deck = Deck(language, footer, _TEXT["sources"][language], _TEXT["author"][language])
    context = _Context(deck, marts, labels(marts, language), input_name, is_synthetic)
    for build in (_question, _quality, _levels, _leavers, _products, _portraits, _segments):
        build(context)
    for group in _groups(hypothesis_rows(marts))[:_MAIN]:
        _hypothesis(context, group)
    for build in (_changes, _proposals, _limits, _appendix):
        build(context)
    return deck


def _short_names(marts: Marts) -> Marts:
    """The marts with names that a label can hold: those of levels and segments cut, traits without remarks."""

    def cut(frame: pd.DataFrame, stem: str) -> pd.DataFrame:
        names = {f"{stem}_{language}": frame[f"{stem}_{language}"] for language in LANGUAGES}
        return frame.assign(**{name: [plain(str(text), _LABEL) for text in names[name]] for name in names})

    traits = marts.dim_traits.copy()
    for language in LANGUAGES:
        traits[f"name_{language}"] = traits[f"name_{language}"].str.partition(" (")[0]
    return replace(
        marts,
        dim_traits=traits,
        dim_trait_levels=cut(marts.dim_trait_levels, "label"),
        dim_segments=cut(marts.dim_segments, "name"),
    )


def _groups(rows: pd.DataFrame) -> list[pd.DataFrame]:
    """The rows of each hypothesis."""
    return [group for _, group in rows.groupby("hypothesis_id", sort=False)]


def _rows(frame: pd.DataFrame) -> Iterator[pd.Series[Any]]:
    return (row for _, row in frame.iterrows())


def _key(row: pd.Series[Any], *columns: str) -> dict[str, object]:
    return {column: row[column] for column in columns}


def _result_key(row: pd.Series[Any]) -> dict[str, object]:
    return _key(row, "hypothesis_id", "population", "test")


def _capitalised(text: str) -> str:
    """With a capital letter, but not where the first letter is a symbol: `t-критерий`."""
    return text if text[1:2] in "- " else text[:1].upper() + text[1:]


# What is said on several slides: each sentence registers its facts with the slide it stands on.


def _bank_rate(context: _Context, slide: Slide) -> str:
    rate = percent(context.marts.churn_rate, context.language)
    return slide.fact(rate, _PRODUCTS, "sum(churned_clients) / sum(clients)")


def _total(context: _Context, slide: Slide, column: str) -> str:
    value = int(context.marts.fct_product_count_metrics[column].sum())
    return slide.fact(number(value, context.language), _PRODUCTS, f"sum({column})")


def _row_count(context: _Context, slide: Slide, column: str) -> str:
    return slide.fact(number(context.marts.row_counts[column].iloc[0], context.language), _COUNTS, column)


def _count(
    context: _Context, slide: Slide, row: pd.Series[Any], column: str, relation: str, *keys: str
) -> str:
    return slide.fact(number(row[column], context.language), relation, column, key=_key(row, *keys))


def _level(context: _Context, slide: Slide, row: pd.Series[Any]) -> str:
    """A trait and level; a label may hold digits, so it has a source as well."""
    text = context.words.trait_level(row["trait"], row["level"])
    label = f"label_{context.language}"
    return slide.fact(text, "marts.dim_trait_levels", label, key=_key(row, "trait", "level"))


def _counted_products(context: _Context, slide: Slide, count: int) -> str:
    text = counted(count, "product", context.language)
    return slide.fact(text, _PRODUCTS, "product_count", key={"product_count": count})


def _share(
    context: _Context, slide: Slide, row: pd.Series[Any], column: str, relation: str, *keys: str
) -> str:
    return slide.fact(percent(row[column], context.language), relation, column, key=_key(row, *keys))


def _rate_interval(row: pd.Series[Any], language: Language) -> str:
    """The churn rate of a mart's row with its interval: `27,7 % (от 26,5 до 29,0 %)`."""
    if not is_known(row["churn_rate"]):
        return TEXT["no_clients"][language]
    rate, ends = rate_and_ends(row, language)
    return f"{rate} ({ends})"


def _rate_cell(context: _Context, slide: Slide, row: pd.Series[Any]) -> str:
    """The churn rate of a product count, and under it its interval."""
    if not is_known(row["churn_rate"]):
        return TEXT["no_clients"][context.language]
    key = _key(row, "product_count")
    rate, ends = rate_and_ends(row, context.language)
    rate_fact = slide.fact(rate, _PRODUCTS, "churn_rate", key=key)
    return f"{rate_fact}\n{slide.fact(ends, _PRODUCTS, *_RATES[1:], key=key)}"


def _rate_point(context: _Context, row: pd.Series[Any], relation: str, *keys: str) -> Point:
    """The churn rate of a mart's row with its interval, for a chart."""
    rate, low, high = (float(row[column]) for column in _RATES)
    text = _rate_interval(row, context.language)
    return Point(rate, text, relation, _RATES, _key(row, *keys), low, high)


def _share_point(
    context: _Context, row: pd.Series[Any], column: str, relation: str, key: Mapping[str, object]
) -> Point:
    return Point(float(row[column]), percent(row[column], context.language), relation, (column,), key)


def _stands_out(marts: Marts) -> pd.DataFrame:
    """The levels with more churn than the bank, together with their whole interval."""
    portrait = marts.fct_churn_portrait
    higher = portrait[portrait["churn_rate_low"] > marts.churn_rate]
    return higher.sort_values("churn_rate_low", ascending=False, kind="stable")


def _levels_title(context: _Context, slide: Slide) -> str:
    higher = _stands_out(context.marts)
    bank = _bank_rate(context, slide)
    if higher.empty:
        return context.say("no_levels_title", bank=bank)
    top = higher.iloc[0]
    rate = _share(context, slide, top, "churn_rate", _PORTRAIT, "trait", "level")
    return context.say("levels_title", level=_level(context, slide, top), rate=rate, bank=bank)


def _medians_title(context: _Context, slide: Slide) -> str:
    """The trait whose medians lie furthest apart, measured in standard deviations."""
    numbers = context.marts.fct_churn_portrait_numbers
    best, widest = numbers.head(0), 0.0
    for _, rows in numbers.groupby("trait", sort=False):
        spread = float(rows["standard_deviation"].mean())
        gap = float(rows["median"].max() - rows["median"].min())
        if len(rows) > 1 and spread > 0 and gap / spread > widest:
            best, widest = rows, gap / spread
    if best.empty:
        return context.say("no_medians_title")
    medians = {row["population"]: _median(context, slide, row) for row in _rows(best)}
    trait = context.words.trait(best["trait"].iloc[0], "number")
    return context.say("medians_title", trait=trait, **medians)


def _median(context: _Context, slide: Slide, row: pd.Series[Any], *, with_half: bool = False) -> str:
    """A median, and under it the bounds of the middle half."""
    decimals = decimals_of(row["median"], row["p25"], row["p75"])
    text = quantity(row["median"], context.words.units.get(row["trait"], ""), context.language, decimals)
    group = "population" if "population" in row else "product_count"
    name = "fct_churn_portrait_numbers" if group == "population" else "fct_product_count_portrait_numbers"
    key = _key(row, group, "trait")
    slide.fact(text, f"marts.{name}", "median", key=key)
    if not with_half:
        return text
    half = between(row["p25"], row["p75"], context.language, decimals)
    return f"{text}\n{slide.fact(half, f'marts.{name}', 'p25', 'p75', key=key)}"


def _medians(
    context: _Context, slide: Slide, numbers: pd.DataFrame, groups: Sequence[object]
) -> list[list[str]]:
    """The rows of a table of medians: a trait, then a cell for each of `groups`."""
    column = "population" if "population" in numbers else "product_count"
    rows = []
    for trait, part in numbers.groupby("trait", sort=False):
        cells = {row[column]: _median(context, slide, row, with_half=True) for row in _rows(part)}
        absent = TEXT["no_clients"][context.language]
        rows.append(
            [context.words.trait(str(trait), "number"), *(cells.get(group, absent) for group in groups)]
        )
    return rows


def _segments_title(context: _Context, slide: Slide) -> str:
    rows = segment_rows(context.marts)
    free = rows[(rows["segment_id"] != "none") & ~rows["is_fixed"] & (rows["churn_rate"] > 0)]
    if free.empty:
        return context.say("no_segments_title")
    top = free.nlargest(1, "churn_rate").iloc[0]
    return context.say(
        "segments_title",
        segment=_segment_name(context, slide, top),
        rate=_share(context, slide, top, "churn_rate", _SEGMENTS, "segment_id"),
        coverage=_share(context, slide, top, "coverage", _SEGMENTS, "segment_id"),
    )


def _segment_name(context: _Context, slide: Slide, row: pd.Series[Any]) -> str:
    if row["segment_id"] == "none":
        return TEXT["no_segment"][context.language]
    column = f"name_{context.language}"
    return slide.fact(row[column], "marts.dim_segments", column, key=_key(row, "segment_id"))


def _changes_title(context: _Context) -> str:
    rows = hypothesis_rows(context.marts)
    quote = "«{}»" if context.language == "ru" else "“{}”"
    metrics = rows[rows["hypothesis_id"].isin(flipped(rows))][f"metric_{context.language}"].unique()
    if len(metrics):
        return context.say("flips_title", metrics=", ".join(map(quote.format, metrics)))
    return context.say("no_flips_title" if is_compared(rows) else "one_population_title")


def _proposals_top(context: _Context, slide: Slide) -> str:
    rows = proposal_rows(context.marts)
    known = rows[rows["expected_churned_clients"].notna()]
    if known.empty:
        return context.say("no_proposals_title" if rows.empty else "unknown_proposals_title")
    top = known.nlargest(1, "expected_churned_clients").iloc[0]
    segment = _segment_name(context, slide, top)
    return context.say("proposals_top", segment=segment, **_proposal(context, slide, top))


def _proposal(context: _Context, slide: Slide, row: pd.Series[Any]) -> dict[str, str]:
    columns = {"target": "target_clients", "expected": "expected_churned_clients"}
    return {
        name: slide.fact(text, _PROPOSALS, columns[name], key=_key(row, "segment_id", "proposal_id"))
        for name, text in proposal_numbers(row, context.language).items()
    }


# The slides.


def _question(context: _Context) -> None:
    slide = context.deck.slide(context.say("question_section"))
    clients, churned = (_total(context, slide, column) for column in ("clients", "churned_clients"))
    rate = _bank_rate(context, slide)
    slide.title(context.say("question_title", clients=clients, churned=churned, rate=rate))
    top = BODY.top
    if context.is_synthetic:
        warning = Box(BODY.left, top, BODY.width, 0.42)
        slide.text(warning, [[bold(TEXT["synthetic"][context.language])]], fill=WARNING, middle=True)
        top += 0.52
    tiles = {
        "tile_clients": clients,
        "tile_churned": churned,
        "tile_rate": rate,
        "tile_rejected": _row_count(context, slide, "rejected_rows"),
    }
    _tiles(context, slide, Box(BODY.left, top, BODY.width, 1.1), tiles, (30, 26, 22, 18))
    top += 1.25
    traits = context.marts.dim_traits.query("kind == 'category'")["trait"]
    names = ", ".join(context.words.trait(trait).lower() for trait in traits)
    file = slide.fact(context.input_name, "run.json", "input.file")
    about: list[Paragraph] = [
        [bold(context.say("question_label")), Run(context.say("question"))],
        [bold(context.say("data_label")), Run(context.say("data", file=file, traits=names))],
    ]
    slide.text(Box(BODY.left, top, BODY.width, 1.55), about)
    top += 1.65
    findings = [
        _levels_title(context, slide),
        _segments_title(context, slide),
        _changes_title(context),
        _proposals_top(context, slide),
    ]
    short: list[Paragraph] = [
        [bold(context.say("main"))],
        *([Run(f"•{chr(160)}{each}")] for each in findings),
    ]
    slide.text(Box(BODY.left, top, BODY.width, BODY.top + BODY.height - top), short, fill=WASH, gap=4)
    slide.say(context.say("question"), *findings)


def _tiles(
    context: _Context, slide: Slide, box: Box, values: Mapping[str, str], sizes: Sequence[float]
) -> None:
    """Large numbers side by side, each over its name."""
    gap, above = 0.15, 0.62 * box.height
    width = (box.width - gap * (len(values) - 1)) / len(values)
    captions = {name: [[Run(context.say(name))]] for name in values}
    below = Box(box.left, box.top + above, width, box.height - above)
    size = min(fitted(caption, below, _CAPTION_SIZES)[1] for caption in captions.values())
    for position, (name, value) in enumerate(values.items()):
        left = box.left + position * (width + gap)
        slide.text(Box(left, box.top, width, above), [[bold(value)]], sizes=sizes, colour=INK, fill=WASH,
                   centred=True, middle=True)  # fmt: skip
        slide.text(replace(below, left=left), captions[name], sizes=(size,), fill=WASH, centred=True,
                   middle=True)  # fmt: skip


def _quality(context: _Context) -> None:
    slide = context.deck.slide(context.say("quality_section"))
    columns = {
        "read": "read_rows",
        "accepted": "accepted_rows",
        "rejected": "rejected_rows",
        "loyal": "loyal_churned_clients",
        "no_balance": "clients_without_balance",
    }
    counts = {name: _row_count(context, slide, column) for name, column in columns.items()}
    slide.title(context.say("quality_title", accepted=counts["accepted"], read=counts["read"]))
    rows = [[context.parts(name)[0], count, context.parts(name)[1]] for name, count in counts.items()]
    slide.table(
        BODY, context.parts("quality_table"), rows, (3.2, 1.2, 8), align="lrl", sizes=(20, 18, 16, 14, 12, 10)
    )
    slide.say(context.say("quality_say"))


def _levels(context: _Context) -> None:
    slide = context.deck.slide(context.say("leavers_section"))
    language, marts = context.language, context.marts
    slide.title(_levels_title(context, slide))
    shown = _stands_out(marts).head(_LEVELS)
    names = [f"{_capitalised(TEXT['bank'][language])}, n{SPACE}={SPACE}{_total(context, slide, 'clients')}"]
    bank = percent(marts.churn_rate, language)
    points = [Point(marts.churn_rate, bank, _PRODUCTS, ("sum(churned_clients) / sum(clients)",), {})]
    for row in _rows(shown):
        clients = _count(context, slide, row, "clients", _PORTRAIT, "trait", "level")
        names.append(f"{_level(context, slide, row)}, n{SPACE}={SPACE}{clients}")
        points.append(_rate_point(context, row, _PORTRAIT, "trait", "level"))
    highest = max(point.high or point.value for point in points)
    native_chart(
        slide,
        Box(BODY.left, BODY.top, 8.4, BODY.height),
        names,
        [Series(context.say("churn_rate"), points)],
        percent_axis(language, highest),
        kind="bar",
        bounds=context.bounds,
        description=slide.shown_title,
        highlighted=0,
    )
    reading: list[Paragraph] = [[Run(context.say("levels_reading", level=context.confidence))]]
    outstanding = set(_stands_out(marts)["trait"])
    flat = [trait for trait in marts.fct_churn_portrait["trait"].unique() if trait not in outstanding]
    if flat:
        reading.append(
            [Run(context.say("flat", traits=", ".join(context.words.trait(t).lower() for t in flat)))]
        )
    beside = Box(BODY.left + 8.6, BODY.top + 0.2, BODY.width - 8.6, 4.6)
    slide.text(beside, reading, sizes=(16, 15, 14, 13, 12, 11, 10, 9), fill=WASH, gap=10)
    slide.say(*(run.text for paragraph in reading for run in paragraph))


def _leavers(context: _Context) -> None:
    slide = context.deck.slide(context.say("leavers_section"))
    language, marts = context.language, context.marts
    slide.title(_medians_title(context, slide))
    _reading(slide, context.say("shares_reading"))
    portrait = marts.fct_churn_portrait
    gaps = (portrait["share_of_churned"] - portrait["share_of_active"]).dropna()
    widest = portrait.loc[gaps.sort_values(ascending=False, kind="stable").index]
    shown = widest.drop_duplicates("trait").head(6)
    if len(shown):
        series = [
            Series(
                TEXT[group][language],
                [
                    _share_point(context, row, f"share_of_{group}", _PORTRAIT, _key(row, "trait", "level"))
                    for row in _rows(shown)
                ],
                colour,
            )
            for group, colour in (("churned", INK), ("active", LIGHT))
        ]
        names = [_level(context, slide, row) for row in _rows(shown)]
        _share_chart(context, slide, Box(BODY.left, BODY.top + 0.65, 6.2, BODY.height - 0.65), names, series)
    table = Box(BODY.left + 6.4, BODY.top + 0.75, BODY.width - 6.4, BODY.height - 0.75)
    rows = _medians(context, slide, marts.fct_churn_portrait_numbers, ("churned", "active"))
    slide.table(table, context.parts("medians_table"), rows, (1.7, 2, 2), align="lrr")
    slide.say(context.say("shares_reading"))


def _reading(slide: Slide, text: str) -> None:
    """How to read what is below, in two lines."""
    slide.text(Box(BODY.left, BODY.top - 0.05, BODY.width, 0.6), [[Run(text)]], sizes=(14, 13, 12, 11, 10, 9))


def _share_chart(
    context: _Context, slide: Slide, box: Box, names: Sequence[str], series: Sequence[Series]
) -> None:
    """Bars of shares that carry their values, so that they need no axis."""
    values = [point.value for each in series for point in each.points if point.is_known]
    axis = percent_axis(context.language, max(values, default=1.0) + 0.1, is_shown=False)
    native_chart(
        slide, box, names, series, axis, kind="bar", bounds=context.bounds, description=slide.shown_title
    )


def _products(context: _Context) -> None:
    slide = context.deck.slide(context.say("products_section"))
    language = context.language
    metrics = context.marts.fct_product_count_metrics
    known = metrics[metrics["churn_rate"].notna()]
    if known["churn_rate"].nunique() > 1:
        low, high = known.nsmallest(1, "churn_rate").iloc[0], known.nlargest(1, "churn_rate").iloc[0]
        slide.title(
            context.say(
                "products_title",
                low=_counted_products(context, slide, low["product_count"]),
                low_rate=_share(context, slide, low, "churn_rate", _PRODUCTS, "product_count"),
                high=_counted_products(context, slide, high["product_count"]),
                high_rate=_share(context, slide, high, "churn_rate", _PRODUCTS, "product_count"),
            )
        )
    else:
        slide.title(context.say("no_products_title", rate=_bank_rate(context, slide)))
    names, cells = [], []
    for row in _rows(metrics):
        names.append(_counted_products(context, slide, row["product_count"]))
        counts = [
            _count(context, slide, row, column, _PRODUCTS, "product_count")
            for column in ("clients", "active_clients", "churned_clients")
        ]
        cells.append([names[-1], *counts, _rate_cell(context, slide, row)])
    points = [_rate_point(context, row, _PRODUCTS, "product_count") for row in _rows(metrics)]
    native_chart(
        slide,
        Box(BODY.left, BODY.top, 5.4, BODY.height),
        names,
        [Series(context.say("churn_rate"), points)],
        percent_axis(language, float(metrics["churn_rate_high"].max())),
        kind="column",
        bounds=context.bounds,
        description=slide.shown_title,
    )
    header = [*context.parts("products_table"), context.say("rate_header", level=context.confidence)]
    table = Box(BODY.left + 5.6, BODY.top + 0.2, BODY.width - 5.6, 3.7)
    end = slide.table(table, header, cells, (1.4, 1.1, 1.1, 1.1, 2.3), align="lrrrr")
    below = Box(table.left, end + 0.25, table.width, 1.0)
    slide.text(below, [[Run(context.say("products_reading"))]], sizes=(14, 13, 12, 11, 10), fill=WASH)
    slide.say(context.say("products_reading"))


def _portraits(context: _Context) -> None:
    slide = context.deck.slide(context.say("products_section"))
    marts = context.marts
    metrics, portrait = marts.fct_product_count_metrics, marts.fct_product_count_portrait
    active = metrics[metrics["product_count"].isin(portrait["product_count"])]
    counts = list(active["product_count"].head(_PRODUCT_COUNTS))
    names = {count: _counted_products(context, slide, count) for count in counts}
    shares = portrait.pivot_table(
        index=["trait", "level"], columns="product_count", values="share", sort=False
    )
    pair = sorted(active.head(_PRODUCT_COUNTS).nlargest(2, "active_clients")["product_count"])
    if len(pair) == 2:
        gaps = (shares[pair[0]].fillna(0) - shares[pair[1]].fillna(0)).abs()
        shares = shares.loc[gaps.sort_values(ascending=False, kind="stable").index]
    shown = shares.reset_index().drop_duplicates("trait").head(5)
    points = {
        count: [
            _share_point(
                context,
                row.rename({count: "share"}),
                "share",
                "marts.fct_product_count_portrait",
                {"product_count": count} | _key(row, "trait", "level"),
            )
            for row in _rows(shown)
        ]
        for count in counts
    }
    levels = [_level(context, slide, row) for row in _rows(shown)]
    if len(pair) == 2 and levels:
        first, second = (points[count][0] for count in pair)
        for point in (first, second):
            slide.fact(point.text, point.relation, *point.columns, key=point.key)
        slide.title(
            context.say(
                "portraits_title",
                level=levels[0],
                first=names[pair[0]],
                first_share=first.text,
                second=names[pair[1]],
                second_share=second.text,
            )
        )
    else:
        slide.title(context.say("no_portraits_title"))
    absent = [
        TEXT["none_active"][context.language].format(products=_counted_products(context, slide, count))
        for count in metrics["product_count"][metrics["active_clients"] == 0]
    ]
    _reading(slide, " ".join([context.say("portraits_reading"), *(f"{text}." for text in absent)]))
    if levels:
        series = [
            Series(names[count], points[count], colour)
            for count, colour in zip(counts, (LIGHT, INK, ACCENT), strict=False)
        ]
        _share_chart(context, slide, Box(BODY.left, BODY.top + 0.65, 5.6, BODY.height - 0.65), levels, series)
    rows = _medians(context, slide, marts.fct_product_count_portrait_numbers, counts)
    if rows:
        table = Box(BODY.left + 5.8, BODY.top + 0.75, BODY.width - 5.8, BODY.height - 0.75)
        header = [context.say("median"), *names.values()]
        slide.table(table, header, rows, (1.5, *[1.7] * len(counts)), align="l" + "r" * len(counts))
    slide.say(context.say("portraits_reading"))


def _segments(context: _Context) -> None:
    rows = segment_rows(context.marts)
    for start in range(0, len(rows), _ON_A_SLIDE["segments"]):
        _segment_slide(context, rows.iloc[start : start + _ON_A_SLIDE["segments"]])


def _segment_slide(context: _Context, rows: pd.DataFrame) -> None:
    slide = context.deck.slide(context.say("segments_section"))
    language = context.language
    slide.title(_segments_title(context, slide))
    names = [_segment_name(context, slide, row) for row in _rows(rows)]
    coverage = [
        _share_point(context, row, "coverage", _SEGMENTS, _key(row, "segment_id")) for row in _rows(rows)
    ]
    # Where the rule itself sets the churn rate, a bar would look like a finding.
    free = rows.assign(**{column: rows[column].mask(rows["is_fixed"]) for column in _RATES})
    churn = [_rate_point(context, row, _SEGMENTS, "segment_id") for row in _rows(free)]
    half = (BODY.width - 0.3) / 2
    charts = (
        (Series(context.say("coverage"), coverage), float(rows["coverage"].max()) + 0.1, False),
        (Series(context.say("churn_rate"), churn, _PALE), float(free["churn_rate_high"].max()), True),
    )
    for position, (series, highest, is_shown) in enumerate(charts):
        left = BODY.left + position * (half + 0.3)
        slide.text(Box(left, BODY.top - 0.05, half, 0.35), [[bold(series.name)]], sizes=(14, 13, 12))
        axis = percent_axis(language, highest if highest > 0 else 1.0, is_shown=is_shown)
        native_chart(slide, Box(left, BODY.top + 0.3, half, 2.4), names, [series], axis, kind="bar",
                     bounds=context.bounds, description=f"{slide.shown_title}. {series.name}")  # fmt: skip
    cells = [
        [name, *_segment_cells(context, slide, row)] for name, row in zip(names, _rows(rows), strict=True)
    ]
    header = [*context.parts("segments_table"), context.say("rate_header", level=context.confidence)]
    table = Box(BODY.left, BODY.top + 2.8, BODY.width, BODY.height - 2.8)
    slide.table(table, header, cells, (2.4, 5, 1.1, 1.1, 3), align="llrrr")
    slide.say(context.say("segments_reading"))


def _segment_cells(context: _Context, slide: Slide, row: pd.Series[Any]) -> list[str]:
    """Rule, clients, coverage and churn of a segment."""
    key = _key(row, "segment_id")
    rule = MISSING
    if row["segment_id"] != "none":
        rule = slide.fact(
            _capitalised(context.words.rule(row["rule"])), "marts.dim_segments", "rule", key=key
        )
    rate = TEXT["fixed_by_rule"][context.language]
    if not row["is_fixed"]:
        rate = slide.fact(_rate_interval(row, context.language), _SEGMENTS, *_RATES, key=key)
    return [
        rule,
        _count(context, slide, row, "clients", _SEGMENTS, "segment_id"),
        _share(context, slide, row, "coverage", _SEGMENTS, "segment_id"),
        rate,
    ]


def _hypothesis(context: _Context, rows: pd.DataFrame) -> None:
    language = context.language
    null = rows[f"null_{language}"].iloc[0]
    slide = context.deck.slide(context.say("hypothesis_section", null=null))
    slide.title(_hypothesis_title(context, slide, rows))
    first, second = _group_names(context, slide, rows.iloc[0])
    reading = context.say("hypothesis_reading", first=first, second=second)
    tested = rows[rows["conclusion"] != "not_tested"]
    if len(tested):
        _difference_chart(context, slide, tested, Box(BODY.left, BODY.top, 4.6, 3.45))
        caption = Box(BODY.left, BODY.top + 3.45, 4.6, 0.9)
        slide.text(caption, [[Run(reading)]], sizes=(12, 11, 10, 9))
        columns = [_hypothesis_cells(context, slide, row) for row in _rows(tested)]
        header = ["", *(_capitalised(row[f"name_{language}"]) for row in _rows(tested))]
        body = [[name, *(cells.get(name, MISSING) for cells in columns)] for name in columns[0]]
        table = Box(BODY.left + 4.8, BODY.top, BODY.width - 4.8, 4.3)
        slide.table(table, header, body, (2.5, *[2.5] * len(columns)), align="l" + "r" * len(columns))
    below: list[Paragraph] = []
    for row in _rows(rows):
        name = f"{_capitalised(row[f'name_{language}'])}: "
        if row["conclusion"] == "not_tested":
            text = f"{context.say('groups_not_tested')}. {row[f'reason_{language}']}"
        else:
            test = TESTS.get(row["test"], {}).get(language, row["test"])
            others = other_tests(context.marts, row, language, slide.fact)
            text = context.say("tests", test=test, others=others)
        below.append([bold(name), Run(text)])
    foot = BODY.top + 4.4
    slide.text(Box(BODY.left, foot, BODY.width, BODY.top + BODY.height - foot), below,
               sizes=(14, 13, 12, 11, 10, 9), fill=WASH, gap=4)  # fmt: skip
    slide.say(f"{null}.", reading, context.say("hypothesis_say"))


def _hypothesis_title(context: _Context, slide: Slide, rows: pd.DataFrame) -> str:
    """The verdict on the first population, then those on the others."""
    language = context.language
    first = rows.iloc[0]
    metric = first[f"metric_{language}"]
    if first["conclusion"] == "not_tested":
        return f"{metric}: {context.say('groups_not_tested')}"
    names = _group_names(context, slide, first)
    title = context.say(
        "hypothesis_title",
        metric=metric,
        first=names[0],
        first_value=_estimate(context, slide, first, "first_group_estimate"),
        second=names[1],
        second_value=_estimate(context, slide, first, "second_group_estimate"),
        verdict=context.say(f"groups_{first['conclusion']}"),
    )
    for row in _rows(rows.iloc[1:]):
        is_same = row["conclusion"] == first["conclusion"]
        verdict = context.say("likewise" if is_same else f"groups_{row['conclusion']}")
        title += context.say("in_others", population=row[f"name_{language}"], verdict=verdict)
    return title


def _group_names(context: _Context, slide: Slide, row: pd.Series[Any]) -> tuple[str, str]:
    """What the two groups that a hypothesis compares are called: `2 продукта` and `1 продукт`."""

    def named(column: str) -> str:
        trait, value = row["group_column"], row[column]
        text = context.words.level(trait, value)
        if trait == "product_count":
            text = counted(int(value), "product", context.language)
        return slide.fact(text, "marts.dim_hypotheses", column, key=_key(row, "hypothesis_id"))

    return named("first_group"), named("second_group")


def _estimate(context: _Context, slide: Slide, row: pd.Series[Any], column: str) -> str:
    return slide.fact(estimate(row, column, context.language), _RESULTS, column, key=_result_key(row))


def _difference_chart(context: _Context, slide: Slide, tested: pd.DataFrame, box: Box) -> None:
    """Differences with adjusted intervals between the margins, one category per population."""
    language = context.language
    points, limits = [], []
    for row in _rows(tested):
        scale, columns, key = scale_of(row), _difference_columns(row), _result_key(row)
        middle, low, high = (scale * float(row[column]) for column in columns[:3])
        points.append(Point(middle, difference(row, language), _RESULTS, columns, key, low, high))
        limit = scale * float(row["equivalence_margin"])
        limits.append(Point(limit, margin(row, language), _RESULTS, ("equivalence_margin",), key))
    unit = tested[f"unit_{language}"].iloc[0]
    lower = [replace(each, value=-each.value) for each in limits]
    series = [
        Series(context.say("margin_high"), limits, ACCENT, is_limit=True),
        Series(context.say("margin_low"), lower, ACCENT, is_limit=True),
        Series(f"{context.say('difference')}, {unit}", points, INK),
    ]
    ends = [end for point in points for end in (point.value, point.low, point.high)]
    axis = axis_around(language, [*ends, *(point.value for point in [*limits, *lower])])
    names = [_capitalised(row[f"name_{language}"]) for row in _rows(tested)]
    native_chart(slide, box, names, series, axis, kind="marker", bounds=context.bounds,
                 description=slide.shown_title)  # fmt: skip


def _difference_columns(row: pd.Series[Any]) -> tuple[str, ...]:
    """The columns of a difference and of the interval that is shown with it."""
    suffix = interval_suffix(row)
    ends = (f"difference_low{suffix}", f"difference_high{suffix}")
    return ("difference", *ends, *(["confidence_adjusted"] if suffix else []))


def _hypothesis_cells(context: _Context, slide: Slide, row: pd.Series[Any]) -> dict[str, str]:
    """One population's column of the table, by the name of the row."""
    language, key, say = context.language, _result_key(row), context.say
    sizes = (
        slide.fact(number(row[column], language), _RESULTS, column, key=key)
        for column in ("first_group_clients", "second_group_clients")
    )
    first, second = _group_names(context, slide, row)
    middle, _, interval = difference(row, language).rstrip(")").partition(" (")
    limit = margin(row, language) if is_known(row["equivalence_margin"]) else MISSING
    return {
        say("sizes"): " / ".join(sizes),
        _capitalised(first): _estimate(context, slide, row, "first_group_estimate"),
        _capitalised(second): _estimate(context, slide, row, "second_group_estimate"),
        say("difference"): slide.fact(middle, _RESULTS, "difference", key=key),
        say("interval"): slide.fact(interval, _RESULTS, *_difference_columns(row)[1:], key=key),
        say("p_adjusted"): _p(slide, row, "p_value_adjusted", language),
        say("null"): say("is_rejected" if row["is_null_rejected"] else "is_kept"),
        say("margin"): slide.fact(limit, _RESULTS, "equivalence_margin", key=key),
        say("p_equivalence"): _p(slide, row, "equivalence_p_value", language),
        **_effects(context, slide, row),
        say("verdict"): VERDICTS[row["conclusion"]][language],
    }


def _p(slide: Slide, row: pd.Series[Any], column: str, language: Language) -> str:
    """A p-value under a heading that says what it is: `0,037`, `< 0,001`."""
    text = p_value(row[column], language).removeprefix(f"p{SPACE}").removeprefix(f"={SPACE}")
    return slide.fact(text, _RESULTS, column, key=_result_key(row))


def _effects(context: _Context, slide: Slide, row: pd.Series[Any]) -> dict[str, str]:
    """The effect size of the test and one more that has a name, each with its interval."""
    language = context.language
    effects = context.marts.fct_hypothesis_effects
    same = (effects["hypothesis_id"] == row["hypothesis_id"]) & (effects["population"] == row["population"])
    known = effects[same & effects["effect_size"].notna()].set_index("effect_size_name", drop=False)
    said = {}
    names = dict.fromkeys([row["effect_size_name"], *EFFECTS])
    for name in [name for name in names if name in known.index and name in EFFECTS][:2]:
        effect = known.loc[name]
        ends = between(effect["effect_size_low"], effect["effect_size_high"], language, 2)
        heading = context.say(
            "effect", effect=_capitalised(EFFECTS[name][language]), level=context.confidence
        )
        said[heading] = slide.fact(
            f"{number(effect['effect_size'], language, 2)} ({ends})",
            "marts.fct_hypothesis_effects",
            "effect_size",
            "effect_size_low",
            "effect_size_high",
            key=_key(effect, "hypothesis_id", "population", "effect_size_name"),
        )
    return said


def _changes(context: _Context) -> None:
    groups = _groups(hypothesis_rows(context.marts))
    found = flips(context.marts, context.words)
    for start in range(0, max(len(groups), 1), _ON_A_SLIDE["hypotheses"]):
        _change_slide(context, groups[start : start + _ON_A_SLIDE["hypotheses"]], found)


def _change_slide(context: _Context, groups: Sequence[pd.DataFrame], found: Sequence[Flips]) -> None:
    """All results in one picture, and beside it where else a verdict is another."""
    slide = context.deck.slide(context.say("changes_section"))
    language = context.language
    slide.title(_changes_title(context))
    slide.say(context.say("flips_reading"))
    if not groups:
        return
    rows = pd.concat(groups, ignore_index=True)
    picture = Box(BODY.left, BODY.top, 6.7, min(1.2 + 0.36 * len(rows), BODY.height))
    image = forest_picture(rows, picture, language, context.say("changes_axis"))
    shape = slide.page.shapes.add_picture(image, *picture.emu)
    describe(shape, slide.shown_title)
    told: list[Paragraph] = [[bold(context.say("where_else"))]]
    for group in groups:
        parts = [
            context.say(
                "flip", population=flip.name, verdict=VERDICTS[flip.conclusion][language], where=flip.where
            )
            for flip in found
            if flip.hypothesis_id == group["hypothesis_id"].iloc[0]
        ]
        if parts:
            text = " ".join(map(_capitalised, parts))
            told.append([bold(f"{group[f'metric_{language}'].iloc[0]}. "), Run(text)])
    if len(told) == 1:
        told.append([Run(context.say("nowhere"))])
    for row in _rows(context.marts.dim_trait_levels.query("trait == 'city'")):
        slide.fact(
            context.words.level("city", row["level"]),
            "marts.dim_trait_levels",
            f"label_{language}",
            key=_key(row, "trait", "level"),
        )
    beside = BODY.left + 6.9
    width = BODY.width - 6.9
    slide.text(Box(beside, BODY.top, width, 4.4), told, sizes=(14, 13, 12, 11, 10, 9), fill=WASH, gap=5)
    slide.text(Box(beside, BODY.top + 4.45, width, 0.95), [[Run(context.say("flips_reading"))]],
               sizes=(12, 11, 10, 9))  # fmt: skip


def _proposals(context: _Context) -> None:
    rows = proposal_rows(context.marts)
    for start in range(0, max(len(rows), 1), _ON_A_SLIDE["proposals"]):
        _proposal_slide(context, rows.iloc[start : start + _ON_A_SLIDE["proposals"]])


def _proposal_slide(context: _Context, rows: pd.DataFrame) -> None:
    """Two proposals, a card each."""
    slide = context.deck.slide(context.say("proposals_section"))
    known = rows[rows["expected_churned_clients"].notna()]
    if known.empty:
        slide.title(_proposals_top(context, slide))
    else:
        segments = (
            context.say(
                "proposals_of",
                segment=_segment_name(context, slide, row),
                **_proposal(context, slide, row),
            )
            for row in _rows(known)
        )
        slide.title(context.say("proposals_title", segments=context.say("and").join(segments)))
    _reading(slide, context.say("proposals_reading"))
    gap = 0.2
    width = (BODY.width - gap) / 2
    texts = [_proposal_text(context, slide, row) for row in _rows(rows)]
    below = Box(BODY.left, BODY.top + 2.35, width, BODY.height - 2.35)
    size = min((fitted(text, below, _CARD_SIZES, _CARD_GAP)[1] for text in texts), default=0)
    for position, (row, text) in enumerate(zip(_rows(rows), texts, strict=True)):
        left = BODY.left + position * (width + gap)
        _proposal_head(context, slide, row, Box(left, BODY.top + 0.6, width, 1.7))
        slide.text(replace(below, left=left), text, sizes=(size,), fill=WASH, gap=_CARD_GAP)
    slide.say(context.say("proposals_reading"))


def _registered(context: _Context, slide: Slide, row: pd.Series[Any], name: str) -> str:
    """A text of the registry of proposals."""
    column = f"{name}_{context.language}"
    return slide.fact(row[column], _PROPOSALS, column, key=_key(row, "segment_id", "proposal_id"))


def _proposal_head(context: _Context, slide: Slide, row: pd.Series[Any], box: Box) -> None:
    """The segment, the title, and the numbers of a proposal."""
    title = _registered(context, slide, row, "title")
    heading = context.say("card", segment=_segment_name(context, slide, row), title=title)
    slide.text(Box(box.left, box.top, box.width, 0.7), [[bold(heading)]],
               sizes=(16, 15, 14, 13, 12, 11, 10, 9), colour="FFFFFF", fill=INK, middle=True)  # fmt: skip
    numbers = _proposal(context, slide, row)
    keys = ("segment_id", "proposal_id")
    tiles = {
        "card_target": numbers["target"],
        "card_expected": numbers["expected"],
        "card_rate": _share(context, slide, row, "lookalike_churn_rate", _PROPOSALS, *keys),
    }
    _tiles(context, slide, Box(box.left, box.top + 0.75, box.width, 0.95), tiles, (24, 20, 18, 16))


def _proposal_text(context: _Context, slide: Slide, row: pd.Series[Any]) -> list[Paragraph]:
    """Whom, what, why, and what would have to be true."""
    target = _proposal(context, slide, row)["target"]
    whom = context.say("whom", segment=_segment_name(context, slide, row), target=target)
    return [
        [bold(context.say("whom_label")), Run(whom)],
        *(
            [bold(context.say(f"{label}_label")), Run(_registered(context, slide, row, name))]
            for label, name in (("what", "offer"), ("why", "why"), ("condition", "condition"))
        ),
    ]


def _limits(context: _Context) -> None:
    slide = context.deck.slide(context.say("limits_section"))
    slide.title(context.say("limits_title"))
    sentences: list[Paragraph] = [
        [Run(f"•{chr(160)}{each}")] for each in limits(context.marts, context.words, slide.fact)
    ]
    slide.text(BODY, sentences, gap=10)
    slide.say(context.say("limits_title"))


@dataclass(frozen=True)
class _Tests:
    """The hypotheses that share their tests: a row for each of their populations."""

    tests: tuple[str, ...]
    rows: pd.DataFrame


def _appendix(context: _Context) -> None:
    """Every test, hypotheses with the same tests in one table."""
    size = _ON_A_SLIDE["tests"]
    pages: list[list[_Tests]] = [[]]
    for table in _by_tests(context.marts, hypothesis_rows(context.marts)):
        for start in range(0, len(table.rows), size):
            part = replace(table, rows=table.rows.iloc[start : start + size])
            if sum(len(each.rows) for each in pages[-1]) + len(part.rows) > size:
                pages.append([])
            pages[-1].append(part)
    for page in pages:
        _appendix_slide(context, page)


def _appendix_slide(context: _Context, tables: Sequence[_Tests]) -> None:
    slide = context.deck.slide(context.say("appendix_section"))
    slide.title(_appendix_title(context))
    slide.say(context.say("appendix_reading"))
    reading = Box(BODY.left, BODY.top - 0.08, BODY.width, 0.33)
    slide.text(reading, [[Run(context.say("appendix_reading"))]], sizes=(12, 11, 10, 9))
    gap, header = 0.15, 2.5  # a header is about so many rows high
    room = BODY.height - 0.3 - gap * (len(tables) - 1)
    lines = sum(len(table.rows) + header for table in tables)
    top = BODY.top + 0.3
    for table in tables:
        height = room * (len(table.rows) + header) / lines
        names = [_capitalised(TESTS.get(test, {}).get(context.language, test)) for test in table.tests]
        names[0] = context.say("primary", test=names[0])
        heads = [context.say("metric"), context.say("who"), *names, context.say("equivalence")]
        slide.table(
            Box(BODY.left, top, BODY.width, height),
            heads,
            _test_cells(context, slide, table),
            (2.8, 1.7, *[1.9] * len(names), 1.6),
            align="ll" + "r" * (len(names) + 1),
            sizes=(12, 11, 10, 9, 8),
        )
        top += height + gap


def _by_tests(marts: Marts, rows: pd.DataFrame) -> Iterable[_Tests]:
    tests = {
        hypothesis: tuple(part["test"].drop_duplicates())
        for hypothesis, part in marts.fct_hypothesis_results.groupby("hypothesis_id", sort=False)
    }
    for shared in dict.fromkeys(tests.values()):
        same = [hypothesis for hypothesis in tests if tests[hypothesis] == shared]
        yield _Tests(shared, rows[rows["hypothesis_id"].isin(same)])


def _tests_of(marts: Marts, row: pd.Series[Any]) -> pd.DataFrame:
    """Every test of the row's hypothesis in its population that has a result."""
    results = marts.fct_hypothesis_results
    same = (results["hypothesis_id"] == row["hypothesis_id"]) & (results["population"] == row["population"])
    return pd.DataFrame(results[same & results["p_value_adjusted"].notna()])


def _test_cells(context: _Context, slide: Slide, table: _Tests) -> list[list[str]]:
    language = context.language
    body, last = [], ""
    for row in _rows(table.rows):
        results = {result["test"]: result for result in _rows(_tests_of(context.marts, row))}
        cells = []
        for test in table.tests:
            if test not in results:
                cells.append(MISSING)
                continue
            text = _p(slide, results[test], "p_value_adjusted", language)
            differs = results[test]["is_null_rejected"] != row["is_null_rejected"]
            cells.append(context.say("otherwise", p=text) if differs else text)
        is_tested = is_known(row["equivalence_p_value"])
        equal = _p(slide, row, "equivalence_p_value", language) if is_tested else MISSING
        metric = row[f"metric_{language}"]
        body.append(["" if metric == last else metric, row[f"name_{language}"], *cells, equal])
        last = metric
    return body


def _appendix_title(context: _Context) -> str:
    rows = hypothesis_rows(context.marts)
    tested = rows[rows["conclusion"] != "not_tested"]
    if tested.empty:
        return context.say("appendix_none")
    language = context.language
    metrics = [
        f"{row[f'metric_{language}']} ({row[f'name_{language}']})"
        for row in _rows(tested)
        if (_tests_of(context.marts, row)["is_null_rejected"] != row["is_null_rejected"]).any()
    ]
    if not metrics:
        return context.say("appendix_same")
    return context.say("appendix_other", metrics="; ".join(metrics))
