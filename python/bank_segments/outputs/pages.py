"""The release's first page and its data quality page, in both languages: what was run, and whether to trust it.

Their numbers come from the marts, from the gate, from the checkpoint and from dbt's results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bank_segments.marts import Marts, where
from bank_segments.words import LANGUAGES, N_, Language, Words, words_of

if TYPE_CHECKING:
    from bank_segments.evaluate import Result
    from bank_segments.outputs.charts import Chart
    from bank_segments.release.expectations import ExpectationOutcome
    from bank_segments.release.gate import GateResult
    from bank_segments.warehouse import Build

State = Literal["accepted", "warned"]
# A page of these names is the first one of its folder.
INDEX: dict[Language, str] = {"ru": "index.html", "en": "index.en.html"}

# What SQL says of a rejected row; a reason that is not here is shown as it is.
_REASONS = (
    N_("%(column)s is missing"),
    N_("%(column)s is not a number"),
    N_("%(column)s is outside its domain"),
    N_("%(column)s is unknown"),
    N_("row has fewer fields than the header"),
    N_("row has more fields than the header"),
    N_("exact duplicate of an earlier row"),
    N_("%(column)s has differing rows"),
)
_BUILT_INTO_DBT = {
    "not_null": N_("The column has no gaps."),
    "unique": N_("No value of the column repeats."),
    "accepted_values": N_("The column has declared values only."),
    "relationships": N_("Every value exists in the table that it refers to."),
}


@dataclass(frozen=True, slots=True)
class DbtTest:
    """One data test of dbt with its result; `description` is written as `по-русски / in English`, if at all."""

    relation: str
    name: str
    what: str
    status: str
    description: str

    def meaning(self, words: Words) -> str:
        """What the test means: by its own description or its macro's, else as built into dbt."""
        russian, _, english = self.description.partition(" / ")
        if self.description:
            return russian if words.language == "ru" or not english else english
        return words.gettext(_BUILT_INTO_DBT[self.name]) if self.name in _BUILT_INTO_DBT else self.name


def write_index(
    directory: Path,
    record: Mapping[str, Any],
    started: datetime,
    state: State,
    charts: Sequence[Chart],
    findings: Sequence[Mapping[str, Any]],
) -> None:
    """Write `index.html` (Russian) and `index.en.html` into the release `directory`.

    `record` is what `run.json` holds, `state` the verdict on the data, `charts` are those in the release, `findings`
    the rows of `fct_findings`.
    """
    for language, other in (LANGUAGES, LANGUAGES[::-1]):
        drawn = (chart for chart in charts if chart.language == language)
        _write(
            directory,
            "index",
            Words(language),
            other=Words(other),
            record=record,
            started=started,
            state=state,
            charts={chart.path.relative_to(directory).as_posix(): chart.title for chart in drawn},
            findings=findings,
            is_synthetic=record["input"]["is_synthetic"],
        )


def write_quality_page(
    directory: Path,
    marts: Marts,
    *,
    build: Build,
    gate: GateResult,
    outcomes: Sequence[ExpectationOutcome],
    run_id: str,
    input_name: str,
    is_synthetic: bool,
) -> State:
    """Write `index.html` (Russian) and `index.en.html` into `directory`, and return the verdict on the data.

    Of data that may be published: what the gate stops, and what an expectation or a test of dbt does not pass, is
    refused before.
    """
    directory.mkdir(parents=True, exist_ok=True)
    tables = marts.tables
    # What drift was measured of.
    traits = {row["trait"]: row for row in where(tables["dim_traits"], kind="category")}
    traits |= {row["segment_id"]: row for row in tables["dim_segments"]}
    tests = dbt_tests(build.run_results, build.manifest)
    warned = sum(test.status == "warn" for test in tests)
    state: State = "warned" if gate.having("allowed", "warn") or warned else "accepted"
    # Drift, behind what has no subject, in the order of what it was measured of.
    order = {"": -1} | {subject: place for place, subject in enumerate(traits)}
    findings = sorted(gate.findings, key=lambda each: order.get(each["subject"], len(order)))
    for language in LANGUAGES:
        words = words_of(marts, language)
        _write(
            directory,
            "quality",
            words,
            **tables,
            state=state,
            gate=gate,
            findings=findings,
            traits=traits,
            reason_text=partial(reason_text, words=words),
            expectations=list(dict.fromkeys((each.relation, each.meaning) for each in outcomes)),
            tests=tests,
            warned=warned,
            run_id=run_id,
            input_name=input_name,
            is_synthetic=is_synthetic,
        )
    return state


def write_pilot_page(directory: Path, *, result: Result, design: Mapping[str, Any], run_id: str) -> None:
    """Write what a pilot showed as `index.html` (Russian) and `index.en.html` into `directory`."""
    for language in LANGUAGES:
        _write(
            directory,
            "pilot",
            Words(language),
            result=result,
            design=design,
            run_id=run_id,
            is_synthetic=False,
        )


def _write(directory: Path, page: str, words: Words, **values: object) -> None:
    html = words.environment().get_template(f"pages/{page}.html.j2").render(values, files=INDEX)
    (directory / INDEX[words.language]).write_text(html, encoding="utf-8")


def dbt_tests(run_results: Path, manifest: Path) -> list[DbtTest]:
    """The data tests of a dbt run in the order of their tables."""
    declared = json.loads(manifest.read_text(encoding="utf-8"))
    nodes = declared["nodes"] | declared["sources"]
    macros = {name.rpartition(".")[2]: macro["description"] for name, macro in declared["macros"].items()}
    found = []
    for result in json.loads(run_results.read_text(encoding="utf-8"))["results"]:
        node = nodes.get(result["unique_id"])
        if node is None or node["resource_type"] != "test":
            continue
        # A test of a source, and one written as plain SQL, is attached to no node.
        tested = nodes.get(node.get("attached_node") or next(iter(node["depends_on"]["nodes"]), ""), node)
        metadata = node.get("test_metadata") or {}
        name, arguments = metadata.get("name") or node["name"], metadata.get("kwargs", {})
        columns = arguments.get("columns") or [arguments.get("column_name") or node["name"]]
        by_macro = "" if name in _BUILT_INTO_DBT else macros.get(f"test_{name}", "")
        found.append(
            DbtTest(
                f"{tested['schema']}.{tested.get('alias') or tested['name']}",
                name,
                ", ".join(map(str, columns)),
                result["status"],
                node.get("description") or by_macro,
            )
        )
    return sorted(found, key=lambda test: (test.relation, test.name, test.what))


def reason_text(reason: str, words: Words) -> str:
    """A reason for rejection, which SQL gives in English, in words."""
    for message in _REASONS:
        pattern = re.escape(message).replace(re.escape("%(column)s"), r"(?P<column>\S+)")
        if found := re.fullmatch(pattern, reason):
            return words.gettext(message, **found.groupdict())
    return reason
