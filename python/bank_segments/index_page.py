"""The release's first page: what was run on what, whether to trust it, the charts' findings, the way to the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from bank_segments.pages import INDEX, Frame
from bank_segments.quality_page import FILES as QUALITY
from bank_segments.quality_page import State, verdict_words
from bank_segments.wording import LANGUAGES, Language, number

if TYPE_CHECKING:
    from bank_segments.charts import Chart
    from bank_segments.report import RunRecord

_WORDS: dict[Language, dict[str, str]] = {
    "ru": {
        "title": "Клиенты банка: кто уходит и кого удержать",
        "source": "Входной файл: {file}. Построено {time} UTC.",
        "time": "{:%d.%m.%Y в %H:%M}",
        "verdict_link": "Что проверено и что стоит знать об этих данных",
        "read": "Прочитано строк",
        "accepted": "Принято",
        "rejected": "Отклонено",
        "contents": "Что внутри",
        "charts": "Главное на графиках",
        "run": "О запуске",
        "run_id": "Запуск",
        "file": "Входной файл",
        "sha256": "SHA-256 файла",
        "time_name": "Время, UTC",
    },
    "en": {
        "title": "The bank's clients: who leaves and whom to keep",
        "source": "Input file: {file}. Built {time} UTC.",
        "time": "{:%Y-%m-%d at %H:%M}",
        "verdict_link": "What was checked, and what to know about these data",
        "read": "Rows read",
        "accepted": "Accepted",
        "rejected": "Rejected",
        "contents": "What is here",
        "charts": "The main findings in charts",
        "run": "About the run",
        "run_id": "Run",
        "file": "Input file",
        "sha256": "SHA-256 of the file",
        "time_name": "Time, UTC",
    },
}
_STYLE = """
.page { max-width: 1080px; }
.entries { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 14px;
  margin: 0 0 14px; padding: 0; list-style: none; }
.entries .card { margin: 0; }
.entries .card > a { font-size: 17px; font-weight: 600; }
.entries p { margin: 2px 0 4px; }
.entries small a + a { margin-left: 14px; }
section:not(.card, .verdict) > h2 { margin: 20px 0 10px; }
.charts { margin-bottom: 14px; display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); }
.charts figure { margin: 0; }
.charts a { color: inherit; text-decoration: none; }
.charts img { display: block; width: 100%; height: auto; margin-top: 8px; }
.charts a:hover figcaption { text-decoration: underline; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; }
@media (max-width: 640px) { dl { grid-template-columns: 1fr; } dd { margin-bottom: 6px; } }
@media print { .charts figure, .entries li { break-inside: avoid; } }
"""


@dataclass(frozen=True, slots=True)
class _Entry:
    """One part of the release: its files in the reader's language and, where there are two, in the other one."""

    files: dict[Language, str]
    names: dict[Language, str]
    texts: dict[Language, str]
    markdown: str = ""


def _both(pattern: str) -> dict[Language, str]:
    """The file of each language, as in `dashboard.{language}.html`; the same one where the name has no language."""
    return {language: pattern.format(language=language) for language in LANGUAGES}


_ENTRIES = (
    _Entry(
        _both("conclusions.{language}.html"),
        {"ru": "Выводы", "en": "Conclusions"},
        {
            "ru": "Кто уходит, портреты и сегменты, проверка гипотез и предложения — словами и числами.",
            "en": "Who leaves, portraits and segments, tested hypotheses and proposals, in words and numbers.",
        },
        markdown="conclusions.{language}.md",
    ),
    _Entry(
        _both("dashboard.{language}.html"),
        {"ru": "Дашборд", "en": "Dashboard"},
        {
            "ru": "Отток по любым сочетаниям признаков и сегментов; работает без сети.",
            "en": "Churn by any combination of traits and segments; works without a network.",
        },
    ),
    _Entry(
        _both("presentation.{language}.pptx"),
        {"ru": "Презентация", "en": "Presentation"},
        {
            "ru": "Слайды для совещания: диаграммы можно править, источник каждого числа — в заметках.",
            "en": "Slides for a meeting: the charts can be edited, the source of every number is in the notes.",
        },
    ),
    _Entry(
        {language: f"data_quality/{file}" for language, file in QUALITY.items()},
        {"ru": "Качество данных", "en": "Data quality"},
        {
            "ru": "Что прочитано, принято и отклонено, почему, и какие проверки пройдены.",
            "en": "What was read, accepted and rejected, why, and which checks passed.",
        },
    ),
    _Entry(
        _both("bank_marts.duckdb"),
        {"ru": "Витрины для BI", "en": "Marts for BI tools"},
        {
            "ru": "Файл DuckDB, схемы marts и quality; открывать только на чтение.",
            "en": "A DuckDB file with the schemas marts and quality; open it read-only.",
        },
    ),
    _Entry(
        _both("docs/index.html"),
        {"ru": "Описание таблиц и граф", "en": "Tables and lineage"},
        {
            "ru": "Документация dbt: что значит каждый столбец и откуда он взялся.",
            "en": "The dbt docs: what every column means and where it comes from.",
        },
    ),
    _Entry(
        _both("run.json"),
        {"ru": "Паспорт запуска", "en": "Record of the run"},
        {
            "ru": "Файл и его контрольная сумма, числа строк, версии, секунды по шагам.",
            "en": "The file and its checksum, row counts, versions, seconds per step.",
        },
    ),
)


def write_index(directory: Path, record: RunRecord, state: State, charts: Sequence[Chart]) -> None:
    """Write `index.html` (Russian) and `index.en.html` into the release `directory`.

    `state` is the verdict on the data, `charts` are those in the release. Raises `ValueError` where the run's id
    does not begin with its time.
    """
    for language, name in INDEX.items():
        page = _Page(language, record, state, [chart for chart in charts if chart.language == language])
        (directory / name).write_text(page.html(directory), encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _Page:
    """The page in one language."""

    language: Language
    record: RunRecord
    state: State
    charts: Sequence[Chart]

    def html(self, directory: Path) -> str:
        """The whole file."""
        words, other = _WORDS[self.language], self._other()
        frame = Frame(
            self.language,
            title=words["title"],
            source=words["source"].format(file=self.record.file, time=self._time()),
            other=INDEX[other],
            is_synthetic=self.record.is_synthetic,
            style=_STYLE,
            images="'self' file: data:",
        )
        return frame.html(
            "\n".join(
                (self._verdict(), self._figures(), self._entries(), self._charts(directory), self._run())
            )
        )

    def _other(self) -> Language:
        return "en" if self.language == "ru" else "ru"

    def _say(self, key: str) -> str:
        return escape(_WORDS[self.language][key])

    def _time(self) -> str:
        started = datetime.strptime(self.record.run_id.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(
            tzinfo=UTC
        )
        return _WORDS[self.language]["time"].format(started)

    def _verdict(self) -> str:
        """Whether the data were accepted."""
        words = escape(verdict_words(self.state, self.language))
        link = f'<a href="data_quality/{QUALITY[self.language]}">{self._say("verdict_link")}</a>'
        return f'<section class="verdict {self.state}"><h2>{words}</h2><p>{link}</p></section>'

    def _figures(self) -> str:
        """The rows read, accepted and rejected."""
        figures = (
            f'<div class="figure"><p>{self._say(name)}</p>'
            f'<p class="value">{number(self.record.rows[name], self.language)}</p></div>'
            for name in ("read", "accepted", "rejected")
        )
        return f'<section class="figures">{"".join(figures)}</section>'

    def _entries(self) -> str:
        """A link to every part of the release."""
        items = "".join(
            f'<li class="card"><a href="{entry.files[self.language]}">{escape(entry.names[self.language])}</a>'
            f'<p class="muted">{escape(entry.texts[self.language])}</p>{self._more(entry)}</li>'
            for entry in _ENTRIES
        )
        return f'<section><h2>{self._say("contents")}</h2><ul class="entries">{items}</ul></section>'

    def _more(self, entry: _Entry) -> str:
        """Links to the other forms of the same part."""
        links = []
        if entry.markdown:
            links.append(f'<a href="{entry.markdown.format(language=self.language)}">Markdown</a>')
        other = self._other()
        if entry.files[other] != entry.files[self.language]:
            name = escape(entry.names[other])
            links.append(f'<a href="{entry.files[other]}" hreflang="{other}" lang="{other}">{name}</a>')
        return f"<small>{''.join(links)}</small>" if links else ""

    def _charts(self, directory: Path) -> str:
        """Every chart under the finding that it shows."""
        figures = "".join(
            f'<figure class="card"><a href="{file}"><figcaption>{escape(chart.title)}</figcaption>'
            f'<img src="{file}" alt="" loading="lazy"></a></figure>'
            for chart in self.charts
            for file in (escape(chart.path.relative_to(directory).as_posix()),)
        )
        return f'<section><h2>{self._say("charts")}</h2><div class="charts">{figures}</div></section>'

    def _run(self) -> str:
        """What was run on what."""
        rows: Iterable[tuple[str, str]] = (
            ("run_id", self.record.run_id),
            ("time_name", self._time()),
            ("file", self.record.file),
            ("sha256", self.record.sha256),
        )
        items = "".join(f"<dt>{self._say(name)}</dt><dd>{escape(text)}</dd>" for name, text in rows)
        return f'<section class="card"><h2>{self._say("run")}</h2><dl>{items}</dl></section>'
