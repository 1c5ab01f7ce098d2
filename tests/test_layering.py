"""Layers, names and promises of the dbt project, read from its artifacts.

dbt-bouncer keeps the rules that it knows (`.dbt-bouncer.yml`); the tests below keep the others.
"""

import json
import re
import subprocess
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from dbt.cli.main import dbtRunner

from bank_segments import warehouse
from conftest import ROOT, Docs, none_of

BOUNCER = ROOT / ".venv-bouncer/bin/dbt-bouncer"
PROJECT = "bank_segments"
COMMENT = re.compile(r"{#.*?#}|--[^\n]*|/\*.*?\*/", re.DOTALL)


def test_dbt_bouncer_finds_nothing(docs: Docs, tmp_path: Path) -> None:
    assert BOUNCER.exists(), "dbt-bouncer is not installed; run `make bouncer-env`"
    found, rules = tmp_path / "found.json", tmp_path / "rules.yml"
    settings = yaml.safe_load((ROOT / ".dbt-bouncer.yml").read_text(encoding="utf-8"))
    rules.write_text(yaml.safe_dump(settings | {"dbt_artifacts_dir": str(docs.target)}), encoding="utf-8")
    run = subprocess.run(
        [BOUNCER, "run", "--config-file", rules, "--output-file", found],
        cwd=ROOT,
        env={"DBT_PROJECT_DIR": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.exists(), run.stdout + run.stderr
    checks = json.loads(found.read_text(encoding="utf-8"))
    assert len(checks) > len(docs.manifest["nodes"])
    none_of(f"{check['file_path']}: {check['failure_message']}" for check in checks if check["outcome"] != "success")
    assert run.returncode == 0, run.stdout


def words_of(sources: Iterable[str]) -> set[str]:
    """Return the words of some sources, without SQL and Jinja comments."""
    return set(re.findall(r"\w+", COMMENT.sub(" ", " ".join(sources))))


def readers_of(seed: dict[str, Any], manifest: dict[str, Any]) -> list[str]:
    """Return what reads a seed: models with the macros and modules they call, and what selects from it elsewhere."""
    pending = [child for child in manifest["child_map"][seed["unique_id"]] if child.startswith("model.")]
    macros = manifest["macros"].items()
    pending += [name for name, macro in macros if f"seed_rows('{seed['name']}')" in macro["macro_sql"]]
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
    for module in (path for path in (ROOT / "python").rglob("*") if path.suffix in (".py", ".sql")):
        source = module.read_text(encoding="utf-8")
        names = rf"\b{seed['schema']}\.{seed['name']}\b|(?:_seed|rows)\(\"{seed['name']}\""
        if module.stem in imported or re.search(names, source):
            code.append(source)
    return code


def test_every_seed_column_is_read(docs: Docs) -> None:
    unused = []
    for unique_id, seed in docs.manifest["nodes"].items():
        if seed["resource_type"] == "seed":
            words = words_of(readers_of(seed, docs.manifest))
            columns = docs.catalog["nodes"][unique_id]["columns"]
            unused += [
                f"{seed['name']}.csv: no one reads the column {column}" for column in columns if column not in words
            ]
    none_of(unused)


def test_every_seed_has_a_key_and_says_its_grain(docs: Docs) -> None:
    nodes = docs.manifest["nodes"]
    keyed = {
        test["attached_node"]
        for test in nodes.values()
        if (test.get("test_metadata") or {}).get("name") in ("unique", "unique_key")
    }
    seeds = {name: node for name, node in nodes.items() if node["resource_type"] == "seed"}
    none_of(f"{name} has no test of its key" for name in seeds if name not in keyed)
    none_of(f"{name} has no sentence Grain:" for name, seed in seeds.items() if "Grain: " not in seed["description"])


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
    """DuckDB also takes these, and only a build on Spark would tell."""
    names = "varchar|text|integer|hugeint|float"
    foreign = re.compile(rf"\bas (?:{names})\s*\)|(?:::|data_type: )(?:{names})\b", re.IGNORECASE)
    assert len(foreign.findall("cast(max(a) as varchar), b::text, data_type: float, cast(c as bigint) as text")) == 3
    none_of(
        f"{path.relative_to(ROOT)}: the type {kind} is DuckDB's"
        for folder in ("models", "macros", "analyses")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".sql", ".yml") and path.parent.name != "dialect"
        for kind in foreign.findall(COMMENT.sub(" ", path.read_text(encoding="utf-8")))
    )


def test_exposures_depend_on_what_their_code_reads(docs: Docs) -> None:
    """Every mart that the code of an exposure names is declared, and none that no code names."""
    public = {node["name"] for node in docs.manifest["nodes"].values() if node.get("access") == "public"}

    def named_in(paths: Iterable[Path]) -> set[str]:
        return public & set(re.findall(r"\w+", " ".join(path.read_text(encoding="utf-8") for path in paths)))

    wrong: list[str] = []
    for exposure in docs.manifest["exposures"].values():
        paths = [ROOT / module for module in exposure["meta"].get("modules", [])]
        if not paths:
            continue
        wrong += [f"{exposure['name']} names {path}, which is not there" for path in paths if not path.exists()]
        files = (path.rglob("*") if path.is_dir() else [path] for path in paths)
        named = named_in(file for file in chain(*files) if file.suffix in (".py", ".sql", ".json"))
        shared = named_in([ROOT / "python/bank_segments/marts.py"])
        declared = public & {node.split(".")[-1] for node in exposure["depends_on"]["nodes"]}
        wrong += [f"{exposure['name']} reads {mart} and does not declare it" for mart in sorted(named - declared)]
        idle = sorted(declared - named - shared)
        wrong += [f"{exposure['name']} declares {mart} and does not read it" for mart in idle]
    none_of(wrong)


def test_variables_turn_a_layer_into_tables_and_dbt_warns_of_nothing(tmp_path: Path) -> None:
    """But for the models that say themselves what they are. Dbt warns of arguments that a macro does not have."""
    layers = {"staging": "table", "intermediate": "view", "marts": "table", "quality": "table"}
    variables = json.dumps({f"{layer}_materialized": kind for layer, kind in layers.items()})
    options = ["--target-path", str(tmp_path), "--log-path", str(tmp_path), "--log-level", "none"]
    run = dbtRunner().invoke(["--warn-error", "parse", "--vars", variables, *warehouse.PROJECT, *options])
    assert run.success, run.exception
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert {node["schema"] for node in models} == set(layers)
    none_of(
        f"{node['name']} is a {node['config']['materialized']}"
        for node in models
        if node["config"]["materialized"] != layers[node["schema"]] and "materialized" not in node["raw_code"]
    )
