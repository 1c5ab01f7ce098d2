"""`make report`: builds the warehouse, tests it, draws and writes everything, publishes it.

Exit status: 0 published; 1 the input or the warehouse failed validation, nothing published; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bank_segments import BANK, SAMPLE
from bank_segments.errors import RefusedError, exit_status
from bank_segments.ingest import registers
from bank_segments.marts import Marts, read_marts, rows
from bank_segments.release import expectations, gate, private_csv, publish, run
from bank_segments.release.progress import follow_dbt, progress
from bank_segments.release.run import PUBLISHED, TARGET, timed
from bank_segments.release.workers import workers
from bank_segments.warehouse import Build, Hear, build_warehouse, environment, write_documentation

if TYPE_CHECKING:
    from bank_segments.outputs.charts import Chart
    from bank_segments.words import Language


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to write its part of a release."""

    marts: Marts
    staged: Path
    source: dict[str, Any]  # what an output says of the file: its name, and whether it is synthetic
    deck_template: Path | None


def prepare_writer() -> None:
    """Import what writes the outputs of a language, some of it slow to import."""
    from bank_segments.outputs import charts, conclusions, deck  # noqa: F401


def prepare_validator() -> None:
    """Import what validates the release, and prepare the script of the dashboards."""
    from bank_segments.outputs.dashboard import vega_bundle

    expectations.load_great_expectations()
    vega_bundle()


def write_language(job: Job, language: Language) -> tuple[dict[str, float], list[Chart]]:
    """Draw the charts of a language and write its conclusions and deck; returns the seconds of each, and the charts."""
    from bank_segments.outputs.charts import draw_charts
    from bank_segments.outputs.conclusions import write_conclusions
    from bank_segments.outputs.deck import write_deck

    seconds = dict[str, float]()
    with timed(f"charts, {language}", seconds):
        charts = draw_charts(job.marts, job.staged / "charts", language)
    with timed(f"conclusions, {language}", seconds):
        write_conclusions(job.marts, job.staged, language, **job.source, charts=charts)
    with timed(f"deck, {language}", seconds):
        write_deck(job.marts, job.staged, language, **job.source, template=job.deck_template)
    return seconds, charts


def write_dashboards(job: Job, warehouse: Path) -> dict[str, float]:
    """Write the dashboards on the cube of the warehouse without small groups; returns their seconds."""
    from bank_segments.outputs.dashboard import write_dashboards
    from bank_segments.release.disclosure import published_cube

    seconds = dict[str, float]()
    with timed("dashboard", seconds):
        write_dashboards(job.marts, published_cube(warehouse), job.staged, **job.source)
    return seconds


def report(
    clients: Path,
    *,
    series_name: str | None = None,
    allow_drift: bool = False,
    deck_template: Path | None = None,
    build_models: Callable[[Path, Build, Hear], None] | None = None,
) -> str:
    """Run the whole job on `clients`, return its summary; raises `RefusedError` where nothing may be published.

    `build_models` builds them elsewhere than on DuckDB, and leaves the marts in the warehouse all the same.
    """
    from bank_segments.outputs.pages import write_index, write_quality_page
    from bank_segments.words import LANGUAGES

    if deck_template:
        from bank_segments.outputs.deck.page import check_template

        check_template(deck_template)
    steps, build, run_id = run.Steps(), Build(TARGET), run.new_run_id()
    staged = PUBLISHED / f".{run_id}"
    is_synthetic = run.is_sample(clients)
    series = gate.series_of(clients, series_name, is_sample=is_synthetic)
    with run.only_run(TARGET), contextlib.ExitStack() as until_the_end:
        # Nothing is left of what was not published, which moves it away.
        until_the_end.callback(shutil.rmtree, staged, ignore_errors=True)
        publish.remove_unfinished(PUBLISHED)
        with steps.step("read the input"):
            digest = run.sha256_of(clients)
        validator = until_the_end.enter_context(workers(1, prepare_validator))
        writers = until_the_end.enter_context(workers(2, prepare_writer))
        with steps.step("dbt build"), progress(steps.tell) as step:
            try:
                (build_models or build_warehouse)(clients, build, follow_dbt(step, PUBLISHED))
            finally:
                private_csv.write_rejected(build.warehouse, build.rejected_rows)
        with steps.step("gate"):
            previous = gate.previous_release(PUBLISHED, series)
            passed = gate.check_gate(build.warehouse, previous, allow_drift=allow_drift)
            refuse(passed.refusal(clients, build.rejected_rows))
        staged.mkdir(parents=True)
        marts = read_marts(build.warehouse)
        source: dict[str, Any] = {"input_name": clients.name, "is_synthetic": is_synthetic}
        job = Job(marts, staged, source, deck_template)
        written = [writers.submit(write_language, job, language) for language in LANGUAGES]
        dashboards = validator.submit(write_dashboards, job, build.warehouse)
        with steps.step("marts for BI"), progress(steps.tell) as step:
            publish.write_marts(build, staged / "bank_marts.duckdb", step.part_done)
        with steps.step("expectations"):
            # Behind the dashboards, so that nobody reads the warehouse when dbt docs locks it.
            outcomes = validator.submit(expectations.validate, staged / "bank_marts.duckdb").result()
            refuse(expectations.refusal_of(outcomes, build.warehouse))
        with steps.step("dbt docs"):
            (staged / "docs").mkdir()
            write_documentation(clients, build, staged / "docs/index.html")
        with steps.step("data quality page"):
            verdict = write_quality_page(
                staged / "data_quality",
                marts,
                build=build,
                gate=passed,
                outcomes=outcomes,
                run_id=run_id,
                **source,
            )
        steps.note(dashboards.result())
        charts: list[Chart] = []
        for language in written:
            seconds, drawn = language.result()
            steps.note(seconds)
            charts += drawn
        with steps.step("publish"):
            about_input = {
                "file": clients.name,
                "sha256": digest,
                "is_synthetic": is_synthetic,
                "series": series,
            }
            record = {
                "run_id": run_id,
                "input": about_input,
                "rows": passed.rows,
                "gate": passed.findings,
                "versions": run.versions(),
                "seconds": steps.seconds,
            }
            write_index(staged, record, run.started_at(run_id), verdict, charts, rows(marts.fct_findings))
            text = json.dumps(record, ensure_ascii=False, indent=2)
            (staged / "run.json").write_text(f"{text}\n", encoding="utf-8")
            release = publish.publish(staged, PUBLISHED, run_id)
            build.published.parent.mkdir(exist_ok=True)
            build.warehouse.replace(build.published)
        return run.summary(marts, passed.rows, release)


def choose_bank(clients: Path, sheet: str) -> None:
    """Go on as the bank whose columns the file has; in a new process, for every module reads BANK as it is imported."""
    from bank_segments.ingest.client_file import find_bank

    if (bank := find_bank(clients, sheet)) != BANK:
        print(f"The file has the columns of {bank}: BANK={bank}.", flush=True)
        os.environ["BANK"] = bank
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def refuse(reason: str | None) -> None:
    """Stop the run where there is a reason to."""
    if reason:
        raise RefusedError(reason)


def main(arguments: list[str] | None = None, build_models: Callable[[Path, Build, Hear], None] | None = None) -> int:
    """Parse the command line and run the report; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make report", description="Build and publish the client segmentation.")
    add = parser.add_argument
    add("--clients", type=Path, default=SAMPLE, help="the client file; the README has its formats")
    add("--sheet", default="", help="the sheet of a workbook, without it the first")
    add("--series", help="compare with the releases of this series, not with those of the file's name")
    add("--allow-drift", action="store_true", help="publish although the clients drifted past the limit")
    add("--deck-template", type=Path, help="the bank's own .pptx, whose masters and layouts the decks take")
    add(
        "--roll-back",
        action="store_true",
        help="build nothing, switch to the release before published/latest",
    )
    options = parser.parse_args(arguments)
    # Where the log itself cannot be written, the reason is told once, and not in tracebacks.
    logging.raiseExceptions = False

    def work() -> str:
        if options.roll_back:
            with run.only_run(TARGET):
                release = publish.roll_back(PUBLISHED)
            series = run.series_in(release) or "unknown"
            return f"published/latest is now {release.name} of the series “{series}”; newer releases stay beside it"
        if "BANK" not in os.environ and options.clients != SAMPLE:
            choose_bank(options.clients, options.sheet)
        refuse(registers.own_refusal())
        with environment(BANK_SHEET=options.sheet):
            return report(
                options.clients,
                series_name=options.series,
                allow_drift=options.allow_drift,
                deck_template=options.deck_template,
                build_models=build_models,
            )

    command = f"make {'rollback' if options.roll_back else 'report'}"
    return exit_status(command, work, "The run stopped, nothing was published: {reason}.")


if __name__ == "__main__":
    # A run leaves little to collect, and Python would look through all of dbt for it, at the end once more.
    gc.disable()
    status = main()
    gc.freeze()
    sys.exit(status)
