"""The dashboard's words in Russian and English, and how numbers are written in each language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["ru", "en"]
LANGUAGES: tuple[Language, ...] = ("ru", "en")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How a language writes numbers."""

    thousands: str
    decimal: str
    percent: str
    points: str

    def count(self, value: int) -> str:
        """A whole number with its thousands apart."""
        return f"{value:,}".replace(",", self.thousands)

    def share(self, fraction: float, digits: int = 1) -> str:
        """A fraction as a percentage."""
        return f"{100 * fraction:.{digits}f}".replace(".", self.decimal) + self.percent

    def difference(self, fraction: float) -> str:
        """A difference of two fractions in percentage points."""
        return f"{100 * fraction:.1f}".replace(".", self.decimal) + self.points


NUMBERS: Mapping[Language, NumberFormat] = {
    "ru": NumberFormat("\u00a0", ",", "\u00a0%", "\u00a0п.\u00a0п."),
    "en": NumberFormat(",", ".", "%", "\u00a0pp"),
}

# Words that the page itself needs, in HTML.
PAGE: Mapping[Language, Mapping[str, str]] = {
    "ru": {
        "title": "Клиенты банка и их отток",
        "synthetic": "Данные вымышленные: это пример, который поставляется с проектом, а не клиенты банка.",
        "source": "Входной файл: {input_name}",
        "other_language": "In English",
        "filter_region": "Отбор клиентов",
        "reset": "Сбросить отбор",
        "how": "Щёлкните по столбцу, точке или кнопке под графиком — остальные графики покажут только этих клиентов. "
        "Значения одного признака складываются, разные признаки сужают отбор.",
        "clients": "Клиенты",
        "churned": "Ушли",
        "rate": "Доля ушедших",
        "legend": "Обозначения",
        "interval": "95%-й доверительный интервал (Уилсон)",
        "average": "доля ушедших по банку",
        "bank": "то же значение без отбора",
        "protection": "Малые группы скрыты.",
        "protected": "В файле нет групп, где ушедших или оставшихся меньше {minimum}: клиенты таких групп "
        "({moved}, {share}) учтены в соседних группах.",
        "exact": "Итоги по банку, по каждому признаку, по сегментам и по возрасту в каждом городе точны (кроме "
        "итогов, которые сами меньше {minimum}).",
        "inexact": "Итоги по банку и по признакам отличаются от хранилища не больше чем на {clients} кл.",
        "combined": "На пересечении двух признаков число клиентов отличается от хранилища не больше чем на {pair}, "
        "трёх — не больше чем на {triple}. Доля ушедших (группы от {large} клиентов) в 95 % случаев отличается не "
        "больше чем на {pair_usual} для двух признаков и {triple_usual} для трёх, самое большее — на {pair_rate} "
        "и {triple_rate}",
        "brief": "Группы меньше {minimum} клиентов скрыты: без отбора итоги точны, с отбором — приблизительны.",
        "brief_inexact": "Группы меньше {minimum} клиентов скрыты, поэтому числа приблизительны.",
        "whole": "Групп меньше {minimum} клиентов нет: ничего не скрыто, и с отбором числа тоже точны.",
        "more": "Подробнее",
        "unprotected": "Малые группы не скрыты: порог отключён.",
        "no_script": "Для дашборда нужен JavaScript; доступ в сеть не нужен.",
    },
    "en": {
        "title": "The bank's clients and their churn",
        "synthetic": "Synthetic data: this is the sample that ships with the project, not the bank's clients.",
        "source": "Input file: {input_name}",
        "other_language": "По-русски",
        "filter_region": "Filter",
        "reset": "Reset the filter",
        "how": "Click a bar, a point or a button below a chart, and the other charts show these clients only. "
        "Values of one trait add up; different traits narrow the selection.",
        "clients": "Clients",
        "churned": "Left",
        "rate": "Churn rate",
        "legend": "Legend",
        "interval": "95% confidence interval (Wilson)",
        "average": "the whole bank’s churn rate",
        "bank": "the same value without a filter",
        "protection": "Small groups are suppressed.",
        "protected": "No group in this file has fewer than {minimum} clients who left or who stayed: the clients of "
        "such groups ({moved}, {share}) are counted in neighbouring groups.",
        "exact": "Totals of the bank, of every trait, of the segments and of age bands in each city are exact (except "
        "totals that are below {minimum} themselves).",
        "inexact": "Totals of the bank and of the traits differ from the warehouse by at most {clients} clients.",
        "combined": "Where two traits meet, client counts differ from the warehouse by at most {pair}, where three "
        "meet by at most {triple}. Churn rates (groups of {large} clients or more) differ by at most {pair_usual} for "
        "two traits and {triple_usual} for three in 95% of cases, by {pair_rate} and {triple_rate} at most.",
        "brief": "Groups of fewer than {minimum} clients are suppressed: without a filter totals are exact, with one "
        "they are approximate.",
        "brief_inexact": "Groups of fewer than {minimum} clients are suppressed, so numbers are approximate.",
        "whole": "No group has fewer than {minimum} clients: nothing is suppressed, and numbers are exact under a "
        "filter, too.",
        "more": "Details",
        "unprotected": "Small groups are not suppressed: the threshold is off.",
        "no_script": "The dashboard needs JavaScript; it needs no network.",
    },
}

# Words that the page's script needs.
SCRIPT: Mapping[Language, Mapping[str, object]] = {
    "ru": {
        "filter": "Отбор —",
        "noFilter": "Отбора нет: показаны все клиенты банка.",
        "or": " или ",
        "remove": "Убрать из отбора: {text}",
        "chooseLevels": "Отобрать:",
        "levelsFolded": "Отобрать кнопками",
        "table": "Таблица",
        "rules": "Правила сегментов",
        "seeTable": "Те же числа — в таблице под графиком",
        "tip": "{label}: клиентов {clients}, ушли {churned}, доля ушедших {rate} (95%-й интервал {interval})",
        "columns": [
            "Значение",
            "Клиенты",
            "Доля в отборе",
            "Ушли",
            "Доля ушедших",
            "95%-й интервал",
            "Без отбора",
        ],
        "ruleColumns": ["Сегмент", "Кто это", "Правило"],
        "clientsBeside": "{share} от всего банка ({bank})",
        "churnedBeside": "{share} от всех ушедших ({bank})",
        "rateBeside": "интервал {interval}; по банку {bank} ({bankInterval}), разница {difference}",
    },
    "en": {
        "filter": "Filter:",
        "noFilter": "No filter: all clients of the bank are shown.",
        "or": " or ",
        "remove": "Remove from the filter: {text}",
        "chooseLevels": "Select:",
        "levelsFolded": "Select with buttons",
        "table": "Table",
        "rules": "Rules of the segments",
        "seeTable": "The table below the chart has the same numbers",
        "tip": "{label}: {clients} clients, {churned} left, churn rate {rate} (95% interval {interval})",
        "columns": [
            "Value",
            "Clients",
            "Share of selection",
            "Left",
            "Churn rate",
            "95% interval",
            "Without filter",
        ],
        "ruleColumns": ["Segment", "Who they are", "Rule"],
        "clientsBeside": "{share} of the whole bank ({bank})",
        "churnedBeside": "{share} of all who left ({bank})",
        "rateBeside": "interval {interval}; whole bank {bank} ({bankInterval}), difference {difference}",
    },
}

# Words that the views need.
VIEWS: Mapping[Language, Mapping[str, str]] = {
    "ru": {
        "rate": "Доля ушедших",
        "counts": "Клиенты: остались и ушли",
        "coverage": "Охват: доля клиентов отбора",
        "other": "прочие (малые группы)",
        "segments": "Сегменты",
        "none": "вне сегментов",
        "segments_note": "Сегменты пересекаются: клиент может входить в несколько сразу.",
        "active_only": "Сегменты {names} состоят из оставшихся клиентов: доля ушедших в них равна нулю по определению.",
        "curve": "Отток по возрасту в городах",
        "curve_title": "Доля ушедших по возрастным группам",
        "curve_note": "Точка — возрастная группа одного города, отрезок — 95%-й интервал.",
        "curve_cut": "Показаны {shown} крупнейших городов из {all}.",
        "stayed": "остались",
        "left": "ушли",
    },
    "en": {
        "rate": "Churn rate",
        "counts": "Clients who stayed and who left",
        "coverage": "Coverage: share of the selected clients",
        "other": "other (small groups)",
        "segments": "Segments",
        "none": "in no segment",
        "segments_note": "Segments overlap: a client may be in several of them.",
        "active_only": "The segments {names} are made of clients who stayed: their churn rate is zero by definition.",
        "curve": "Churn by age in each city",
        "curve_title": "Churn rate by age band",
        "curve_note": "A point is an age band of one city, a whisker its 95% interval.",
        "curve_cut": "The {shown} largest of {all} cities are shown.",
        "stayed": "stayed",
        "left": "left",
    },
}
