"""The data quality page: what a run read, rejected and checked, as two linked offline HTML files.

Its numbers come from the warehouse, from the gate, from the checkpoint and from dbt's results; here are only words.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bank_segments.database import open_confined
from bank_segments.pages import INDEX, Frame
from bank_segments.quality import CHURN, ExpectationOutcome, Finding, GateResult, Kind
from bank_segments.wording import LANGUAGES, MISSING, Language, counted, number, percent

if TYPE_CHECKING:
    from bank_segments.warehouse import Build

FILES: dict[Language, str] = {"ru": "index.html", "en": "index.en.html"}
State = Literal["accepted", "warned", "refused"]
_FAILED = ("fail", "error", "runtime error")

_WORDS: dict[Language, dict[str, str]] = {
    "ru": {
        "title": "Качество данных",
        "source": "Входной файл: {input_name}. Запуск: {run_id}.",
        "accepted": "Данные приняты",
        "accepted_text": "Все проверки пройдены.",
        "warned": "Данные приняты с предупреждениями",
        "warned_text": "Выпуск опубликован. Прежде чем на него опираться, взгляните на то, что отмечено:",
        "refused": "Данные не приняты",
        "refused_text": "Ничего не опубликовано, прежний выпуск на месте. Причины:",
        "read": "Прочитано строк",
        "accepted_rows": "Принято",
        "rejected_rows": "Отклонено",
        "of_read": "{share} прочитанных",
        "from_file": "сколько строк в файле, столько и учтено",
        "reasons": "Почему строки отклонены",
        "no_reasons": "Ни одна строка не отклонена.",
        "reasons_note": "Каждая причина считается отдельно: если у строки их две, она есть в обеих. Сами строки, без"
        " номеров клиентов, — в таблице quality.rejected_clients файла bank_marts.duckdb, а целиком — у того, кто"
        " запускал: target/report/rejected_rows.csv.",
        "reasons_note_refused": "Каждая причина считается отдельно: если у строки их две, она есть в обеих. Сами"
        " строки, с номерами клиентов, — у того, кто запускал: target/report/rejected_rows.csv.",
        "reason": "Причина",
        "rows": "Строк",
        "notes": "Что стоит знать об этих данных",
        "loyal": "{count} одновременно лояльны и ушли. Это не ошибка файла: такие клиенты оставлены во всех расчётах.",
        "balance": "{count} не имеют остатка на счёте. Это свойство клиента, а не пропуск: он ничем не заполнен.",
        "gate": "Контроль перед публикацией",
        "gate_note": "Пределы объявлены в seeds/gate_limits.csv. Предупреждение и остановка начинаются выше предела.",
        "compared_with": "Сравнение с выпуском {run} того же ряда.",
        "measure": "Что измерено",
        "value": "Значение",
        "warn_above": "Внимание выше",
        "stop_above": "Стоп выше",
        "outcome": "Итог",
        "churn": "Уход",
        "expectations": "Ожидания от витрин",
        "expectations_note": "Great Expectations проверила витрины после dbt и до графиков и выводов. Наборы ожиданий"
        " объявлены в seeds/expectations.csv.",
        "expectations_count": "Выполнено {met} из {all}.",
        "expectation": "Чего ждём",
        "where": "Где",
        "seen": "увидено: {observed}",
        "dbt": "Проверки dbt",
        "dbt_note": "dbt проверяет каждую таблицу сразу после того, как построит её.",
        "dbt_none": "Результатов dbt для этого запуска нет.",
        "test": "Что проверяется",
        "tests": "Проверок",
        "passed": "Пройдено",
        "warnings": "С предупреждением",
        "failed": "Не пройдено",
        "every_test": "Все проверки по таблицам",
        "relation": "Таблица",
        "pass": "в норме",
        "warn": "внимание",
        "allowed": "пропущено по решению",
        "stop": "стоп",
        "none": "не сравнивалось",
        "met": "выполнено",
        "unmet": "не выполнено",
        "first_run": "Это первый выпуск ряда: сравнивать не с чем.",
        "unreadable": "В прошлом выпуске ({run}) нет распределений для сравнения, или файл не читается.",
        "only_now": "в прошлом выпуске такого признака не было",
        "only_before": "в этом выпуске такого признака нет",
        "redefined": "группы признака теперь нарезаны иначе",
        "few_clients": "клиентов слишком мало: было бы видно не сдвиг, а случайность",
        "say_rejected": "Отклонено {rejected} из {read} прочитанных строк ({value}).",
        "say_empty": "В файле нет ни одной строки.",
        "say_drift": "«{subject}»: распределение сдвинулось относительно прошлого выпуска, PSI {value}.",
        "say_count": "Число клиентов изменилось относительно прошлого выпуска на {value}.",
        "say_limit": "Предел {limit}.",
        "say_allowed": "Опубликовано по решению того, кто запускал (ALLOW_DRIFT=1).",
        "say_unmet": "Витрины не такие, как ожидалось: {meaning} ({place}; увидено: {observed})",
        "say_dbt_warned": "Проверок dbt с предупреждением: {count}.",
        "say_dbt_failed": "Проверок dbt не пройдено: {count}.",
    },
    "en": {
        "title": "Data quality",
        "source": "Input file: {input_name}. Run: {run_id}.",
        "accepted": "The data are accepted",
        "accepted_text": "Every check passed.",
        "warned": "The data are accepted with warnings",
        "warned_text": "The release is published. Look at what is marked before you rely on it:",
        "refused": "The data are not accepted",
        "refused_text": "Nothing was published, the earlier release is untouched. The reasons:",
        "read": "Rows read",
        "accepted_rows": "Accepted",
        "rejected_rows": "Rejected",
        "of_read": "{share} of those read",
        "from_file": "every row of the file is accounted for",
        "reasons": "Why rows were rejected",
        "no_reasons": "No row was rejected.",
        "reasons_note": "Each reason is counted on its own: a row with two is in both. The rows themselves, without the"
        " clients' ids, are in the table quality.rejected_clients of bank_marts.duckdb, and whole with whoever ran it,"
        " in target/report/rejected_rows.csv.",
        "reasons_note_refused": "Each reason is counted on its own: a row with two is in both. The rows themselves,"
        " with the clients' ids, are with whoever ran it, in target/report/rejected_rows.csv.",
        "reason": "Reason",
        "rows": "Rows",
        "notes": "What to know about these data",
        "loyal": "{count} are loyal and left all the same. That is no error: they are kept in every figure.",
        "balance": "{count} have no account balance. That is a fact about the client, no gap: nothing was filled in.",
        "gate": "The gate before publication",
        "gate_note": "The limits are declared in seeds/gate_limits.csv. A warning and a stop begin above their limit.",
        "compared_with": "Compared with release {run} of the same series.",
        "measure": "What was measured",
        "value": "Value",
        "warn_above": "Warns above",
        "stop_above": "Stops above",
        "outcome": "Outcome",
        "churn": "Churn",
        "expectations": "What the marts are expected to be",
        "expectations_note": "Great Expectations checked the marts after dbt and before charts and conclusions. The"
        " suites are declared in seeds/expectations.csv.",
        "expectations_count": "{met} of {all} met.",
        "expectation": "Expectation",
        "where": "Where",
        "seen": "seen: {observed}",
        "dbt": "Tests of dbt",
        "dbt_note": "dbt tests each table as soon as it has built it.",
        "dbt_none": "There are no results of dbt for this run.",
        "test": "What is tested",
        "tests": "Tests",
        "passed": "Passed",
        "warnings": "Warned",
        "failed": "Failed",
        "every_test": "Every test, table by table",
        "relation": "Table",
        "pass": "fine",
        "warn": "look",
        "allowed": "let through",
        "stop": "stop",
        "none": "not compared",
        "met": "met",
        "unmet": "not met",
        "first_run": "This is the first release of its series: there is nothing to compare it with.",
        "unreadable": "The previous release ({run}) has no distributions to compare with, or cannot be read.",
        "only_now": "the previous release has no such trait",
        "only_before": "this release has no such trait",
        "redefined": "the bands of the trait are cut differently now",
        "few_clients": "too few clients: chance would show, not drift",
        "say_rejected": "{rejected} of {read} rows were rejected ({value}).",
        "say_empty": "The file has no rows.",
        "say_drift": "“{subject}”: the distribution moved since the previous release, PSI {value}.",
        "say_count": "The number of clients changed by {value} since the previous release.",
        "say_limit": "The limit is {limit}.",
        "say_allowed": "Published because whoever ran it decided so (ALLOW_DRIFT=1).",
        "say_unmet": "The marts are not what was expected: {meaning} ({place}; seen: {observed})",
        "say_dbt_warned": "Tests of dbt that warned: {count}.",
        "say_dbt_failed": "Tests of dbt that failed: {count}.",
    },
}

# The reasons are written by SQL in English; one that is not here is shown as it is.
_REASONS_RU = (
    (r"(\S+) is missing", r"\1: значения нет"),
    (r"(\S+) is not a number", r"\1: не число"),
    (r"(\S+) is outside its domain", r"\1: вне допустимых границ"),
    (r"(\S+) is unknown", r"\1: неизвестное значение"),
    (r"row has fewer fields than the header", "в строке меньше полей, чем в заголовке"),
    (r"row has more fields than the header", "в строке больше полей, чем в заголовке"),
    (r"exact duplicate of an earlier row", "точный повтор более ранней строки"),
    (r"(\S+) has differing rows", r"\1: у одного номера разные строки"),
)
_DBT_TESTS: dict[str, dict[Language, str]] = {
    "not_null": {"ru": "В столбце нет пропусков.", "en": "The column has no gaps."},
    "unique": {"ru": "Значения столбца не повторяются.", "en": "No value of the column repeats."},
    "accepted_values": {
        "ru": "В столбце только объявленные значения.",
        "en": "The column has declared values only.",
    },
    "relationships": {
        "ru": "Каждое значение есть в таблице, на которую ссылается.",
        "en": "Every value exists in the table that it refers to.",
    },
}
_SIGNS = {"pass": "✓", "met": "✓", "warn": "!", "allowed": "!", "stop": "✕", "unmet": "✕", "none": "–"}

_STYLE = """
table { border-collapse: collapse; width: 100%; margin-top: 8px; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 8px; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { font-weight: 400; }
thead th { font-weight: 600; vertical-align: bottom; overflow-wrap: normal; }
tbody tr:last-child > * { border-bottom: 0; }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
th:first-child { width: 46%; overflow-wrap: break-word; }
th small { display: block; color: var(--muted); font-size: 13px; }
.outcome { white-space: nowrap; font-weight: 600; color: #1b6b30; }
.outcome.warn, .outcome.allowed { color: #8f4700; }
.outcome.stop, .outcome.unmet { color: #a01226; }
.outcome.none { color: var(--muted); font-weight: 400; }
@media (max-width: 640px) {
  table.narrow thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table.narrow tr { display: flex; flex-wrap: wrap; gap: 0 14px; padding: 6px 0; border-bottom: 1px solid var(--line); }
  table.narrow tbody tr:last-child { border-bottom: 0; }
  table.narrow th, table.narrow td { display: block; padding: 1px 0; border: 0; text-align: left; }
  table.narrow th { flex: 0 0 100%; width: auto; }
  table.narrow td[data-label]::before { content: attr(data-label) ": "; color: var(--muted); }
}
"""


@dataclass(frozen=True, slots=True)
class DbtTest:
    """One data test of dbt with its result."""

    relation: str
    name: str
    what: str
    status: str
    meaning: dict[Language, str]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the warehouse says about the accepted clients, and how its traits and limits are called."""

    loyal_churned_clients: int
    clients_without_balance: int
    reasons: list[tuple[str, int]]
    traits: dict[str, dict[Language, str]]
    names: dict[str, dict[Language, str]]
    meanings: dict[str, dict[Language, str]]


def write_quality_page(
    directory: Path,
    *,
    build: Build,
    gate: GateResult,
    outcomes: Sequence[ExpectationOutcome],
    run_id: str,
    input_name: str,
    is_synthetic: bool,
) -> State:
    """Write `index.html` (Russian) and `index.en.html` into `directory`, and return the verdict on them."""
    directory.mkdir(parents=True, exist_ok=True)
    facts = _read_facts(build.warehouse)
    tests = dbt_tests(build.run_results, build.manifest)
    pages = {language: _Page(language, facts, gate, outcomes, tests) for language in LANGUAGES}
    for language, page in pages.items():
        html = page.html(run_id=run_id, input_name=input_name, is_synthetic=is_synthetic)
        (directory / FILES[language]).write_text(html, encoding="utf-8")
    return pages["en"].state()


def verdict_words(state: State, language: Language) -> str:
    """The verdict in words: `The data are accepted with warnings`."""
    return _WORDS[language][state]


def _read_facts(warehouse: Path) -> _Facts:
    with open_confined(warehouse=warehouse) as connection:

        def rows(query: str) -> list[tuple[Any, ...]]:
            return connection.execute(query).fetchall()

        ((loyal_churned_clients, clients_without_balance),) = rows(
            "select loyal_churned_clients, clients_without_balance from quality.row_counts"
        )
        traits = rows(
            "select trait, name_ru, name_en from marts.dim_traits where kind = 'category' order by sort_order"
        )
        limits = rows("select kind, name_ru, name_en, meaning_ru, meaning_en from reference.gate_limits")
        reasons = rows(
            "select reason, rejected_rows from quality.rejection_reasons order by rejected_rows desc, reason"
        )
    return _Facts(
        loyal_churned_clients,
        clients_without_balance,
        reasons=[(reason, count) for reason, count in reasons],
        traits={trait: {"ru": name_ru, "en": name_en} for trait, name_ru, name_en in traits},
        names={kind: {"ru": name_ru, "en": name_en} for kind, name_ru, name_en, _, _ in limits},
        meanings={kind: {"ru": ru, "en": en} for kind, _, _, ru, en in limits},
    )


def dbt_tests(run_results: Path, manifest: Path) -> list[DbtTest]:
    """The data tests of a dbt run in the order of their tables; none where dbt left no results."""
    if not run_results.exists() or not manifest.exists():
        return []
    declared = json.loads(manifest.read_text(encoding="utf-8"))
    results = json.loads(run_results.read_text(encoding="utf-8"))["results"]
    nodes, macros = declared["nodes"] | declared["sources"], declared["macros"]
    found = []
    for result in results:
        node = nodes.get(result["unique_id"])
        if node is None or node["resource_type"] != "test":
            continue
        # A test of a source, and one written as plain SQL, is attached to no node.
        tested = nodes.get(node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), ""), node)
        metadata = node.get("test_metadata") or {}
        name = metadata.get("name") or node["name"]
        arguments = metadata.get("kwargs", {})
        columns = arguments.get("columns") or [arguments.get("column_name") or node["name"]]
        found.append(
            DbtTest(
                relation=f"{tested['schema']}.{tested.get('alias') or tested['name']}",
                name=name,
                what=", ".join(map(str, columns)),
                status=result["status"],
                meaning=_meaning_of_test(name, node.get("description") or "", macros),
            )
        )
    return sorted(found, key=lambda test: (test.relation, test.name, test.what))


def _meaning_of_test(name: str, description: str, macros: dict[str, Any]) -> dict[Language, str]:
    """What a test means: by its own description or its macro's (Russian / English), else as built into dbt."""
    own = [macro["description"] for unique_id, macro in macros.items() if unique_id.endswith(f".test_{name}")]
    text = description or ("" if name in _DBT_TESTS else next(iter(own), ""))
    russian, slash, english = text.partition(" / ")
    if text:
        return {"ru": russian, "en": english if slash else russian}
    return _DBT_TESTS.get(name, {"ru": name, "en": name})


def reason_text(reason: str, language: Language) -> str:
    """A reason for rejection in words."""
    if language == "ru":
        for pattern, words in _REASONS_RU:
            if re.fullmatch(pattern, reason):
                return re.sub(pattern, words, reason)
    return reason


@dataclass(frozen=True, slots=True)
class _Page:
    """The page in one language."""

    language: Language
    facts: _Facts
    gate: GateResult
    outcomes: Sequence[ExpectationOutcome]
    tests: Sequence[DbtTest]

    def say(self, key: str, **values: object) -> str:
        """Words of this language, escaped, as are the values in them."""
        texts = {name: escape(str(value)) for name, value in values.items()}
        return escape(_WORDS[self.language][key]).format(**texts)

    def html(self, *, run_id: str, input_name: str, is_synthetic: bool) -> str:
        """The whole file."""
        language, other = self.language, next(other for other in LANGUAGES if other != self.language)
        words = _WORDS[language]
        sections = (
            self.verdict,
            self.figures,
            self.reasons,
            self.notes,
            self.limits,
            self.expectations,
            self.dbt,
        )
        frame = Frame(
            language,
            title=words["title"],
            source=words["source"].format(input_name=input_name, run_id=run_id),
            other=FILES[other],
            is_synthetic=is_synthetic,
            home=f"../{INDEX[language]}",
            style=_STYLE,
        )
        return frame.html("\n".join(section() for section in sections))

    def state(self) -> State:
        """The verdict."""
        if next(self._stops(), None) is not None:
            return "refused"
        return "accepted" if next(self._warnings(), None) is None else "warned"

    def verdict(self) -> str:
        """Whether the data are accepted, and every reason to stop or to look closer."""
        stops, warnings = list(self._stops()), list(self._warnings())
        state = self.state()
        items = "".join(f"<li>{item}</li>" for item in stops or warnings)
        listed = f"<ul>{items}</ul>" if items else ""
        return (
            f'<section class="verdict {state}"><h2>{self.say(state)}</h2>'
            f"<p>{self.say(f'{state}_text')}</p>{listed}</section>"
        )

    def _stops(self) -> Iterator[str]:
        yield from (self._sentence(finding) for finding in self.gate.having("stop"))
        for outcome in self.outcomes:
            if not outcome.is_met:
                place = f"{outcome.relation}, {outcome.columns}" if outcome.columns else outcome.relation
                yield self.say(
                    "say_unmet",
                    meaning=self._meaning(outcome),
                    place=place,
                    observed=outcome.observed or MISSING,
                )
        if failed := self._with_status(*_FAILED):
            yield self.say("say_dbt_failed", count=failed)

    def _warnings(self) -> Iterator[str]:
        yield from (self._sentence(finding) for finding in self.gate.having("allowed", "warn"))
        if warned := self._with_status("warn"):
            yield self.say("say_dbt_warned", count=warned)

    def _with_status(self, *statuses: str) -> int:
        return sum(test.status in statuses for test in self.tests)

    def _sentence(self, finding: Finding) -> str:
        """A finding in words."""
        if finding.value is None:
            return self.say("say_empty")
        value = self._value(finding.kind, finding.value)
        limit = finding.limit.warn_above if finding.outcome == "warn" else finding.limit.stop_above
        sentences = {
            "rejected_share": self.say(
                "say_rejected",
                value=value,
                rejected=self._count(self.gate.rejected_rows),
                read=self._count(self.gate.read_rows),
            ),
            "drift": self.say("say_drift", value=value, subject=self._trait(finding.subject)),
            "client_count_change": self.say("say_count", value=value),
        }
        parts = [sentences[finding.kind]]
        if limit:
            parts.append(self.say("say_limit", limit=self._value(finding.kind, limit)))
        if finding.outcome == "allowed":
            parts.append(self.say("say_allowed"))
        return " ".join(parts)

    def figures(self) -> str:
        """The rows read, accepted and rejected."""
        gate = self.gate

        def figure(name: str, count: int, beside: str) -> str:
            return (
                f'<div class="figure"><p>{self.say(name)}</p><p class="value">{self._count(count)}</p>'
                f"<p>{beside}</p></div>"
            )

        def of_read(count: int) -> str:
            share = percent(count / gate.read_rows if gate.read_rows else None, self.language, 2)
            return self.say("of_read", share=share)

        return (
            '<section class="figures">'
            + figure("read", gate.read_rows, self.say("from_file"))
            + figure("accepted_rows", gate.accepted_rows, of_read(gate.accepted_rows))
            + figure("rejected_rows", gate.rejected_rows, of_read(gate.rejected_rows))
            + "</section>"
        )

    def reasons(self) -> str:
        """Why rows were rejected."""
        if not self.facts.reasons:
            return self._card("reasons", f"<p>{self.say('no_reasons')}</p>")
        rows = [
            [escape(reason_text(reason, self.language)), self._count(count)]
            for reason, count in self.facts.reasons
        ]
        note = "reasons_note_refused" if self.state() == "refused" else "reasons_note"
        return self._card(
            "reasons", f"<p>{self.say(note)}</p>{self._table('reasons', ('reason', 'rows'), rows, (1,))}"
        )

    def notes(self) -> str:
        """The two peculiarities that a reader may take for errors."""
        counts = {"loyal": self.facts.loyal_churned_clients, "balance": self.facts.clients_without_balance}
        items = "".join(
            f"<li>{self.say(key, count=counted(count, 'client', self.language))}</li>"
            for key, count in counts.items()
            if count
        )
        return self._card("notes", f"<ul>{items}</ul>") if items else ""

    def limits(self) -> str:
        """Every finding of the gate."""
        notes = [self.say("gate_note")]
        whole = self._shared_note()
        if whole:
            notes.append(self.say(whole, run=self.gate.previous_run or ""))
        elif self.gate.previous_run:
            notes.append(self.say("compared_with", run=self.gate.previous_run))
        order = {trait: position for position, trait in enumerate(self.facts.traits)}
        rows = []
        for kind, group in groupby(self.gate.findings, key=lambda finding: finding.kind):
            meaning = escape(self.facts.meanings[kind][self.language])
            for finding in sorted(group, key=lambda finding: order.get(finding.subject, len(order))):
                note = "" if finding.note in ("", whole) else self.say(finding.note)
                explained = " ".join(filter(None, (meaning, note)))
                meaning = ""
                rows.append(
                    [
                        f"{escape(self._subject(finding))}{f'<small>{explained}</small>' if explained else ''}",
                        self._value(kind, finding.value),
                        self._value(kind, finding.limit.warn_above),
                        self._value(kind, finding.limit.stop_above),
                        self._outcome(finding.outcome),
                    ]
                )
        columns = ("measure", "value", "warn_above", "stop_above", "outcome")
        return self._card("gate", f"<p>{' '.join(notes)}</p>{self._table('gate', columns, rows, (1, 2, 3))}")

    def _shared_note(self) -> str:
        """Why nothing at all could be compared."""
        return next(
            (finding.note for finding in self.gate.findings if finding.note in ("first_run", "unreadable")),
            "",
        )

    def expectations(self) -> str:
        """The outcomes of Great Expectations, one row per expectation, what is not met first."""
        merged: dict[str, list[ExpectationOutcome]] = {}
        for outcome in self.outcomes:
            merged.setdefault(outcome.expectation_id, []).append(outcome)
        rows = []
        for group in sorted(merged.values(), key=lambda group: all(outcome.is_met for outcome in group)):
            unmet = [outcome for outcome in group if not outcome.is_met]
            seen = "".join(
                f"<small>{escape(outcome.columns)} — {self.say('seen', observed=outcome.observed or MISSING)}</small>"
                for outcome in unmet
            )
            rows.append(
                [
                    f"{escape(self._meaning(group[0]))}{seen}",
                    f"<code>{escape(group[0].relation)}</code>",
                    self._outcome("unmet" if unmet else "met"),
                ]
            )
        met = sum(all(outcome.is_met for outcome in group) for group in merged.values())
        count = self.say("expectations_count", met=met, all=len(merged))
        table = self._table("expectations", ("expectation", "where", "outcome"), rows)
        return self._card("expectations", f"<p>{self.say('expectations_note')} {count}</p>{table}")

    def dbt(self) -> str:
        """The data tests of dbt by what they test, and every one of them on demand."""
        if not self.tests:
            return self._card("dbt", f"<p>{self.say('dbt_none')}</p>")
        kinds: dict[str, list[DbtTest]] = {}
        for test in self.tests:
            kinds.setdefault(test.meaning[self.language], []).append(test)
        rows = []
        for meaning, tests in sorted(kinds.items(), key=lambda item: -len(item[1])):
            statuses = Counter(test.status for test in tests)
            counts = (
                len(tests),
                statuses["pass"],
                statuses["warn"],
                sum(statuses[status] for status in _FAILED),
            )
            rows.append([escape(meaning), *map(self._count, counts)])
        summary = self._table("dbt", ("test", "tests", "passed", "warnings", "failed"), rows, (1, 2, 3, 4))
        outcomes = {"pass": "pass", "warn": "warn"}
        every = [
            [
                f"<code>{escape(test.relation)}</code>",
                f"{escape(test.meaning[self.language])} <code>{escape(test.what)}</code>",
                self._outcome(outcomes.get(test.status, "stop")),
            ]
            for test in self.tests
        ]
        details = (
            f"<details><summary>{self.say('every_test')}</summary>"
            f"{self._table('every_test', ('relation', 'test', 'outcome'), every)}</details>"
        )
        return self._card("dbt", f"<p>{self.say('dbt_note')}</p>{summary}{details}")

    def _card(self, title: str, content: str) -> str:
        return f'<section class="card"><h2>{self.say(title)}</h2>{content}</section>'

    def _table(
        self, caption: str, columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
    ) -> str:
        """A table of cells that are HTML already; on a narrow screen its rows become lists."""
        names = [self.say(column) for column in columns]
        classes = [' class="number"' if position in numbers else "" for position in range(len(columns))]
        head = "".join(
            f'<th{kind} scope="col">{name}</th>' for kind, name in zip(classes, names, strict=True)
        )
        labels = [f' data-label="{name}"' if kind else "" for kind, name in zip(classes, names, strict=True)]
        body = ""
        for row in rows:
            cells = "".join(
                f"<td{kind}{label}>{cell}</td>"
                for kind, label, cell in list(zip(classes, labels, row, strict=True))[1:]
            )
            body += f'<tr><th scope="row">{row[0]}</th>{cells}</tr>'
        title = f'<caption class="visually-hidden">{self.say(caption)}</caption>'
        return f'<table class="narrow">{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'

    def _outcome(self, outcome: str) -> str:
        return f'<span class="outcome {outcome}">{_SIGNS[outcome]} {self.say(outcome)}</span>'

    def _subject(self, finding: Finding) -> str:
        if finding.kind == "drift" and finding.subject:
            return f"{self.facts.names[finding.kind][self.language]}: {self._trait(finding.subject)}"
        return self.facts.names[finding.kind][self.language]

    def _trait(self, trait: str) -> str:
        if trait == CHURN:
            return _WORDS[self.language]["churn"]
        return self.facts.traits.get(trait, {}).get(self.language, trait)

    def _meaning(self, outcome: ExpectationOutcome) -> str:
        return outcome.meaning_ru if self.language == "ru" else outcome.meaning_en

    def _value(self, kind: Kind, value: float | None) -> str:
        if value is None:
            return MISSING
        if kind == "drift":
            return number(value, self.language, 3)
        return percent(value, self.language, 2 if kind == "rejected_share" else 1)

    def _count(self, count: int) -> str:
        return number(count, self.language)
