"""What the project says of itself is so: files and commands exist, numbers are the marts', pictures are not stale."""

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from bank_segments import register_rows
from bank_segments.words import LANGUAGES, Language
from conftest import ROOT, rows_in
from output_cases import grouped, mismatches

FILES = {
    "en": "README.md",
    "ru": "README.ru.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
}
TEXTS = {name: (ROOT / file).read_text(encoding="utf-8") for name, file in FILES.items()}
FIRST_WORDS: dict[Language, str] = {"en": "On the synthetic sample", "ru": "На синтетическом примере"}


def outline(text: str) -> list[str]:
    """What a translation has in common with its original, in order: sections, commands, code, files and tables."""
    return re.findall(r"^## |^(?:make|source|dbt) [^#\n]*|`[^`\n]+`|(?<=\]\()[^)\n]+|^\| ", text, re.MULTILINE)


def test_both_languages_have_the_same_sections_commands_and_files() -> None:
    english, russian = (outline(TEXTS[language]) for language in ("en", "ru"))
    swapped = {"README.md": "README.ru.md", "README.ru.md": "README.md"}
    expected = [swapped.get(text, text.replace("segments.en", "segments.ru")) for text in english]
    assert len(expected) > 60
    assert russian == expected
    assert all(text.count("\n") <= 150 for text in (TEXTS["en"], TEXTS["ru"]))


def test_every_module_is_called_as_a_user_can_call_it() -> None:
    """Nothing installs the project's own packages, so Python finds them only where it is told to look."""
    calls = re.findall(r"`([^`\n]*)-m ([\w.]+)[^`]*`", TEXTS["en"])
    assert {module for _, module in calls} == {"bank_segments.report", "bank_segments.ingest.sample"}
    assert {how for how, _ in calls} == {"PYTHONPATH=python .venv/bin/python "}
    assert all(find_spec(module) for _, module in calls)


def tracked() -> set[str]:
    """Every file and folder under version control."""
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [Path(line) for line in files.stdout.splitlines()]
    return {path.as_posix() for path in paths} | {
        f"{parent.as_posix()}/" for path in paths for parent in path.parents if parent != Path()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_results_are_those_of_the_marts(language: Language, sample_warehouse: Path) -> None:
    (paragraph,) = [part for part in TEXTS[language].split("\n\n") if part.startswith(FIRST_WORDS[language])]
    text = paragraph.replace("\n", " ")
    ((name, *cells),) = rows_in(
        sample_warehouse,
        f"""
        select
            name_{language}, 100 * counts.churn_rate, accepted_rows, segments.clients, 100 * coverage,
            100 * segments.churn_rate, 100 * two.churn_rate, 100 * one.churn_rate
        from marts.fct_segment_metrics as segments
        inner join marts.dim_segments using (segment_id)
        cross join quality.row_counts as counts
        inner join marts.fct_product_count_metrics as one on one.product_count = 1
        inner join marts.fct_product_count_metrics as two on two.product_count = 2
        where segment_id = 'segment_3'
        """,
    )
    assert name in text
    assert mismatches(grouped(text), cells, language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pictures_are_what_the_sample_gives(language: Language, sample_release: Path) -> None:
    (name,) = re.findall(r"!\[[^\]]+\]\((.*?\.png)\)", TEXTS[language])
    committed, fresh = imread(ROOT / name), imread(sample_release / "charts" / Path(name).name)
    stale = f"{name} is stale: run `make report` and copy published/latest/charts/{Path(name).name} over it"
    assert committed.shape == fresh.shape, stale
    # Edges may be smoothed differently elsewhere.
    assert np.mean(np.abs(committed - fresh) > 0.1) < 1e-5, stale


@pytest.mark.parametrize("text", ["en", "ru", "contributing"])
def test_every_file_and_folder_that_it_names_is_there(text: str) -> None:
    known = tracked()
    generated = ("published/", "target/", "activation/", "pilots/", ".venv", ".client_key", "index.html")
    named = {
        name
        for text in re.findall(r"`([\w./-]+)`|\]\(([\w./-]+)(?:#[\w-]+)?\)", TEXTS[text])
        for name in text
        # An ending alone, or an amount of money, is no file.
        if re.search(r"/|\w\.\w{2,7}$", name) and not re.fullmatch(r"[.\d]+|[.]csv[.]\w+", name)
        if not name.startswith(generated)
    }
    relations = re.compile(r"(?:marts|quality|bank|python|unit)[.]\w+")
    missing = sorted(
        name
        for name in named
        if not relations.fullmatch(name) and not any(path.rstrip("/").endswith(name.rstrip("/")) for path in known)
    )
    assert len(named) > 3
    assert missing == []


def test_every_relation_that_it_names_is_in_the_warehouse(sample_warehouse: Path) -> None:
    known = {
        f"{schema}.{name}"
        for schema, name in rows_in(
            sample_warehouse,
            "select schema_name, view_name from duckdb_views() union all"
            " select schema_name, table_name from duckdb_tables()",
        )
    }
    said = "\n".join(TEXTS.values())
    named = set(re.findall(r"\b(?:marts|quality)\.\w+", said))
    assert len(named) > 5
    assert named - known - {name for name in named if f"{name}*" in said} == set()
    assert all(any(name.startswith(stem) for name in known) for stem in re.findall(r"(marts\.\w+)\*", said))


def test_every_top_level_folder_leads_somewhere() -> None:
    folders = {path.split("/")[0] for path in tracked() if "/" in path and not path.startswith(".")}
    (table,) = re.findall(r"^## Where things are\n(.*?)^## ", TEXTS["contributing"], re.MULTILINE | re.DOTALL)
    assert {path.split("/")[0] for path in re.findall(r"^\| `([\w/]+)`", table, re.MULTILINE)} == folders


def test_every_make_target_that_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):(?!=)", makefile, re.MULTILINE))
    said = "\n".join(TEXTS.values())
    assert set(re.findall(r"(?:`|^)make ([\w-]+)", said, re.MULTILINE)) <= targets
    (settings,) = re.findall(r"^SETTINGS := (.*)$", makefile, re.MULTILINE)
    assert set(re.findall(r"make \w+ ([A-Z_]+)=", said)) <= set(settings.split())


def test_the_columns_of_a_client_file_are_the_declared_ones() -> None:
    declared = {row["raw_column"] for row in register_rows("columns")}
    (table,) = re.findall(r"^## Your own file\n(.*?)^## ", TEXTS["en"], re.MULTILINE | re.DOTALL)
    cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == declared
