"""Layers, names and promises of the dbt project, read from its artifacts.

dbt-bouncer keeps the rules that it knows (`.dbt-bouncer.yml`); the tests below keep the others.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, SAMPLE, Docs, dbt, none_of

BOUNCER = ROOT / ".venv-bouncer/bin/dbt-bouncer"
PROJECT = "bank_segments"
COMMENT = re.compile(r"{#.*?#}|--[^\n]*|/\*.*?\*/", re.DOTALL)
BOTH_ENGINES_KNOW = re.compile(r"string|int|bigint|double|boolean|decimal\(\d+, ?\d+\)|timestamp|date")
SQL_TYPE = re.compile(r"::\s*(?P<after>\w+(?:\([\d, ]+\))?)|\b(?:try_)?cast\(", re.IGNORECASE)
YAML_TYPE = re.compile(r"^ +data_type: (.*)$|^ +column_types:\n((?: {8}\w+: .*\n)+)", re.MULTILINE)


def types_in_sql(source: str) -> Iterator[str]:
    """Give the types of every cast in SQL with Jinja; a type that is an expression of Jinja is not one to know."""
    text = re.sub(r"{{.*?}}", "{}", COMMENT.sub(" ", source), flags=re.DOTALL)
    for match in SQL_TYPE.finditer(text):
        if match["after"]:
            yield match["after"]
            continue
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        yield re.split(r"\sas\s", text[match.end() : end - 1], flags=re.IGNORECASE)[-1].strip()


def types_in_yaml(source: str) -> Iterator[str]:
    """Give the types of contracts and of the columns of seeds."""
    for contract, seed in YAML_TYPE.findall(source):
        yield from [contract] if contract else re.findall(r": (.*)$", seed, re.MULTILINE)


def unknown_types(source: str) -> list[str]:
    """Return the types in SQL or YAML that not both engines know by that name."""
    types = [*types_in_sql(source), *types_in_yaml(source)]
    return [kind for kind in types if kind != "{}" and not BOTH_ENGINES_KNOW.fullmatch(kind)]


def test_dbt_bouncer_finds_nothing(docs: Docs, tmp_path: Path) -> None:
    assert BOUNCER.exists(), "dbt-bouncer is not installed; run `make bouncer-env`"
    found = tmp_path / "found.json"
    run = subprocess.run(
        [BOUNCER, "run", "--config-file", ".dbt-bouncer.yml", "--output-file", found],
        cwd=ROOT,
        env={"DBT_PROJECT_DIR": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.exists(), run.stdout + run.stderr
    checks = json.loads(found.read_text(encoding="utf-8"))
    assert len(checks) > len(docs.manifest["nodes"])
    none_of(
        f"{check['file_path']}: {check['failure_message']}"
        for check in checks
        if check["outcome"] != "success"
    )
    assert run.returncode == 0, run.stdout


def words_of(sources: Iterable[str]) -> set[str]:
    """Return the words of some sources, without SQL and Jinja comments."""
    return set(re.findall(r"\w+", COMMENT.sub(" ", " ".join(sources))))


def readers_of(seed: dict[str, Any], manifest: dict[str, Any]) -> list[str]:
    """Return what reads a seed: models with the macros and modules they call, and Python that selects from it."""
    pending = [child for child in manifest["child_map"][seed["unique_id"]] if child.startswith("model.")]
    seen: set[str] = set()
    code = []
    while pending:
        unique_id = pending.pop()
        if unique_id in seen or f".{PROJECT}." not in unique_id:
            continue
        seen.add(unique_id)
        node = manifest["nodes"].get(unique_id) or manifest["macros"][unique_id]
        code.append(node.get("raw_code") or node["macro_sql"])
        pending += node["depends_on"]["macros"]
    imported = set(re.findall(rf"{PROJECT}\.(\w+)", " ".join(code)))
    for module in (ROOT / "python").rglob("*.py"):
        source = module.read_text(encoding="utf-8")
        if module.stem in imported or re.search(rf"\b{seed['schema']}\.{seed['name']}\b", source):
            code.append(source)
    return code


def test_every_seed_column_is_read(docs: Docs) -> None:
    unused = []
    for unique_id, seed in docs.manifest["nodes"].items():
        if seed["resource_type"] == "seed":
            words = words_of(readers_of(seed, docs.manifest))
            columns = docs.catalog["nodes"][unique_id]["columns"]
            unused += [
                f"seeds/{seed['name']}.csv: no one reads the column {column}"
                for column in columns
                if column not in words
            ]
    none_of(unused)


def test_every_seed_has_a_key(docs: Docs) -> None:
    keyed = {
        test["attached_node"]
        for test in docs.manifest["nodes"].values()
        if test["resource_type"] == "test" and (test.get("test_metadata") or {}).get("name") == "unique_key"
    }
    none_of(
        f"{name} has no test unique_key"
        for name in docs.manifest["nodes"]
        if name.startswith("seed.") and name not in keyed
    )


def test_every_seed_says_its_grain(docs: Docs) -> None:
    seeds = [node for node in docs.manifest["nodes"].values() if node["resource_type"] == "seed"]
    none_of(
        f"seeds/{seed['name']}.yml has no sentence Grain:"
        for seed in seeds
        if "Grain: " not in seed["description"]
    )


def test_every_doc_block_is_used(docs: Docs) -> None:
    used = {"doc.dbt.__overview__", f"doc.{PROJECT}.__overview__"}
    for node in [*docs.manifest["nodes"].values(), *docs.manifest["sources"].values()]:
        used |= {block for part in [node, *node["columns"].values()] for block in part["doc_blocks"]}
    # dbt does not note the blocks of exposures.
    exposed = {exposure["description"].strip() for exposure in docs.manifest["exposures"].values()}
    none_of(
        f"{name} is used nowhere"
        for name, block in docs.manifest["docs"].items()
        if name not in used and block["block_contents"].strip() not in exposed
    )


def test_types_are_known_to_both_engines() -> None:
    """DuckDB also takes varchar, integer or text, and only a build on Spark would tell."""
    folders = [ROOT / name for name in ("models", "macros", "seeds", "analyses")]
    paths = [path for folder in folders for suffix in ("sql", "yml") for path in folder.rglob(f"*.{suffix}")]
    sources = {path: path.read_text(encoding="utf-8") for path in paths if path.parent.name != "dialect"}
    assert sum(len([*types_in_sql(source), *types_in_yaml(source)]) for source in sources.values()) > 300
    none_of(
        f"{path.relative_to(ROOT)}: the type {kind} is not one of {BOTH_ENGINES_KNOW.pattern}"
        for path, source in sources.items()
        for kind in unknown_types(source)
    )


@pytest.mark.parametrize(
    ("source", "unknown"),
    [
        ("cast(a as varchar)", ["varchar"]),
        ("try_cast(nullif(a, '') as integer)", ["integer"]),
        ("cast({{ rate('a', 'b') }} as\n    hugeint\n)", ["hugeint"]),
        ("a::text || b::decimal(18, 2)", ["text"]),
        ("try_cast(cast(a as float) as decimal)", ["decimal", "float"]),
        ("'cast(' ~ column ~ ' as utinyint)'", ["utinyint"]),
        ("cast(a as {{ type }}) -- cast(a as varchar)", []),
        ("        data_type: varchar\n", ["varchar"]),
        ("      column_types:\n        name: string\n        width: float\n    columns:\n", ["float"]),
    ],
)
def test_type_that_spark_lacks_is_found(source: str, unknown: list[str]) -> None:
    assert unknown_types(source) == unknown


def test_staging_is_named_after_its_source(docs: Docs) -> None:
    sources = {source["source_name"] for source in docs.manifest["sources"].values()}
    staging = [
        node["name"]
        for node in docs.manifest["nodes"].values()
        if node["resource_type"] == "model" and node["schema"] == "staging"
    ]
    assert staging
    none_of(f"{name} is named after no source" for name in staging if name.split("__")[0][4:] not in sources)


def test_lineage_runs_from_the_client_file_to_every_exposure(docs: Docs) -> None:
    def ancestors(unique_id: str) -> set[str]:
        parents = docs.manifest["parent_map"].get(unique_id, [])
        return set(parents).union(*(ancestors(parent) for parent in parents))

    exposures = docs.manifest["exposures"]
    assert exposures
    none_of(
        f"{name} does not come from the client file"
        for name in exposures
        if "source.bank_segments.bank.clients" not in ancestors(name)
    )


def test_exposures_depend_on_what_their_code_reads(docs: Docs) -> None:
    """Every mart that the code of an exposure names is declared, and none that no code or expectation names."""
    public = {node["name"] for node in docs.manifest["nodes"].values() if node.get("access") == "public"}

    def named_in(paths: Iterable[Path]) -> set[str]:
        return public & set(re.findall(r"\w+", " ".join(path.read_text(encoding="utf-8") for path in paths)))

    wrong = []
    for exposure in docs.manifest["exposures"].values():
        paths = [ROOT / module for module in exposure["meta"].get("modules", [])]
        if not paths:
            continue
        named = named_in(file for path in paths for file in (path.rglob("*.py") if path.is_dir() else [path]))
        shared = named_in([ROOT / "python/bank_segments/marts.py", ROOT / "seeds/expectations.csv"])
        declared = public & {node.split(".")[-1] for node in exposure["depends_on"]["nodes"]}
        wrong += [
            f"{exposure['name']} reads {mart} and does not declare it" for mart in sorted(named - declared)
        ]
        idle = sorted(declared - named - shared)
        wrong += [f"{exposure['name']} declares {mart} and does not read it" for mart in idle]
    none_of(wrong)


def test_variables_turn_a_layer_into_tables(tmp_path: Path) -> None:
    """But for the models that say themselves what they are."""
    layers = {"staging": "table", "intermediate": "view", "marts": "table", "quality": "table"}
    variables = json.dumps({f"{layer}_materialized": kind for layer, kind in layers.items()})
    run = dbt("parse", "--vars", variables, clients=SAMPLE, target=tmp_path)
    assert run.returncode == 0, run.stdout
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {node["schema"] for node in models} == set(layers)
    none_of(
        f"{node['name']} is a {node['config']['materialized']}"
        for node in models
        if node["config"]["materialized"] != layers[node["schema"]] and "materialized" not in node["raw_code"]
    )
