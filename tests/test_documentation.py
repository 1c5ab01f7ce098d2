"""Every relation, column, macro and argument is described in Russian and English, and the warehouse says so too.

The columns are those that DuckDB has (`catalog.json`), not those that some YAML happens to declare.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import NormalDist
from typing import Any

import yaml

from conftest import ROOT, Docs, none_of, rows_in

PROJECT = "bank_segments"
# What a macro dispatches to is the same on an engine, and described there.
DISPATCHED = ("default__", "duckdb__", "spark__")


def relations(docs: Docs) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield name, manifest node and catalog entry of every source, seed and model."""
    for kind in ("nodes", "sources"):
        for unique_id, node in docs.manifest[kind].items():
            if node["resource_type"] in ("model", "seed", "source"):
                entry = docs.catalog[kind].get(unique_id)
                assert entry, f"{node['name']} is not in the warehouse, so its columns cannot be counted"
                yield f"{node['schema']}.{node['name']}", node, entry


def macros(docs: Docs) -> list[dict[str, Any]]:
    """Return the project's own macros but for their dialects; dbt lists a generic test as the macro `test_<name>`."""
    return [
        macro
        for macro in docs.manifest["macros"].values()
        if macro["package_name"] == PROJECT and not macro["name"].startswith(DISPATCHED)
    ]


def fault(description: str | None) -> str | None:
    """Say what is wrong with a description: it must be written as `по-русски / in English`."""
    if not description or not description.strip():
        return "has no description"
    russian, _, english = description.partition(" / ")
    if not re.search("[а-яё]{2}", russian, re.IGNORECASE):
        return "is not described in Russian"
    if not re.search("[a-z]{2}", english, re.IGNORECASE):
        return "is not described in English"
    return None


def described(docs: Docs) -> Iterator[tuple[str, str | None]]:
    """Yield all that has a page or a line in the docs, with its description; columns as the warehouse has them."""
    for name, node, entry in relations(docs):
        yield name, node["description"]
        declared = {column.lower(): properties for column, properties in node["columns"].items()}
        for column in entry["columns"]:
            yield f"{name}.{column}", declared.get(column.lower(), {}).get("description")
    for macro in macros(docs):
        yield f"macro {macro['name']}", macro["description"]
        for argument in macro["arguments"]:
            yield f"macro {macro['name']}, argument {argument['name']},", argument["description"]
    for kind in ("exposures", "unit_tests", "nodes"):
        for node in docs.manifest[kind].values():
            is_own_test = node["resource_type"] == "test" and not node.get("test_metadata")
            if node["resource_type"] in ("exposure", "unit_test", "analysis") or is_own_test:
                yield f"{node['resource_type']} {node['name']}", node["description"]


def test_everything_is_described_in_both_languages(docs: Docs) -> None:
    found = list(described(docs))
    kinds = {name.split(" ")[0] for name, _ in found if " " in name}
    assert kinds == {"macro", "exposure", "unit_test", "analysis", "test"}
    none_of(f"{name} {wrong}" for name, description in found if (wrong := fault(description)))


def test_no_column_is_described_that_the_warehouse_does_not_have(docs: Docs) -> None:
    invented = [
        f"{name}.{column}"
        for name, node, entry in relations(docs)
        for column in node["columns"]
        if column.lower() not in {real.lower() for real in entry["columns"]}
    ]
    none_of(f"{column} is described but does not exist" for column in invented)


def test_a_column_means_the_same_wherever_it_stands(docs: Docs) -> None:
    meanings: dict[str, set[str]] = defaultdict(set)
    for _, node, _ in relations(docs):
        for column, properties in node["columns"].items():
            meanings[column].add(properties["description"])
    none_of(f"{column} has {len(texts)} meanings: {texts}" for column, texts in meanings.items() if len(texts) > 1)


def test_comments_on_what_is_published_are_the_descriptions(docs: Docs, sample_release: Path) -> None:
    """The release has tables alone."""
    file = sample_release / "bank_marts.duckdb"
    assert rows_in(file, "select view_name from duckdb_views() where not internal") == []
    expected = {}
    for _, node, entry in relations(docs):
        relation = f"{entry['metadata']['schema']}.{entry['metadata']['name']}"
        expected[relation] = node["description"]
        for column, properties in node["columns"].items():
            expected[f"{relation}.{column.lower()}"] = properties["description"]
    comments = rows_in(
        file,
        "select concat_ws('.', schema_name, table_name, lower(column_name)), comment from duckdb_columns()"
        " where not internal union all"
        " select concat_ws('.', schema_name, table_name), comment from duckdb_tables() where not internal",
    )
    assert len(comments) > 400
    none_of(
        f"{name} has no comment or another one in the release"
        for name, comment in comments
        if comment != expected.get(name)
    )


# Numbers of definitions: bounds of a share, the interval's level, sizes of a key, units, quartiles, fences.
DEFINITIONS = {"0", "1", "1/2", "95", "100", "128", "256", "1.5", "1,5", "2", "25", "75", "10"}


def test_the_documentation_states_no_figure_that_a_run_could_make_false(docs: Docs) -> None:
    """What the marts hold is not repeated in their descriptions; the level of the intervals is the declared one."""
    # Pages of measurements, such as the tests' error rates: tests of their own hold them to what was measured.
    measured = [
        block["block_contents"]
        for block in docs.manifest["docs"].values()
        if block["original_file_path"].startswith("models/docs/")
    ]
    texts = [docs.manifest["docs"]["doc.bank_segments.__overview__"]["block_contents"]]
    for node in [*docs.manifest["exposures"].values(), *(node for _, node, _ in relations(docs))]:
        if not any(page in node["description"] for page in measured):
            columns = node.get("columns", {}).values()
            texts += [node["description"], *(column["description"] for column in columns)]
    stated = {number for text in texts for number in re.findall(r"\d+(?:[.,/]\d+)*", text)}
    assert stated - DEFINITIONS == set()
    project = yaml.safe_load((ROOT / "dbt_project.yml").read_text(encoding="utf-8"))
    level = 2 * NormalDist().cdf(project["vars"]["interval_z"]) - 1
    assert round(100 * level, 9) == 95


def test_the_page_of_the_release_has_the_sql_that_ran(sample_release: Path) -> None:
    page = (sample_release / "docs/index.html").read_text(encoding="utf-8")
    at = re.search(r'\{"metadata": \{"dbt_schema_version": "[^"]*/manifest/', page)
    assert at, "the page has no manifest"
    manifest, _ = json.JSONDecoder().raw_decode(page, at.start())
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert len(models) > 60
    none_of(f"{node['name']} has no compiled code" for node in models if not node.get("compiled_code"))
