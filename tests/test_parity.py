"""Spark gives the marts that DuckDB gives, row by row, and what Python writes from them is the same to the byte."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bank_segments.errors import RefusedError
from bank_segments.ingest.client_key import hmac_pads, read_or_create_key
from bank_segments.marts import read_marts
from bank_segments.outputs.conclusions import write_conclusions
from bank_segments.outputs.dashboard import write_dashboards
from bank_segments.outputs.deck import write_deck
from bank_segments.release.disclosure import published_cube
from bank_segments.words import LANGUAGES
from conftest import OTHER_BANK, ROOT, copy_project, none_of, other_bank, rows_in
from needed import missing
from spark.build import SPARK_DBT, build_on_spark
from spark.parity import compare, keys_of, table
from spark_server import free_port, thrift_server

# Text, the figures behind the charts and the notes; the workbooks inside hold the time of writing.
PARTS_OF_A_DECK = ("ppt/slides/", "ppt/charts/", "ppt/notesSlides/")
HOMES = {"spark": ROOT / "target/test/spark", "spark_thrift": ROOT / "target/test/spark_thrift"}
ONLY_MARTS = ("--exclude-resource-type", "unit_test", "test")
# What a Thrift server builds here; its SQL is that of a session, its client of dbt another. Two of them need models in
# Python, which fetch rows from the server.
OVER_THRIFT = {
    "marts.dim_clients",
    "marts.fct_hypothesis_effects",
    "marts.fct_hypothesis_results",
    "marts.rpt_dashboard_cube",
    "quality.reading_notes",
}
OTHER_CLIENTS = ROOT / f"seeds/banks/{OTHER_BANK}/sample/clients.parquet"
# On so few rows it takes longer to compile a query, to plan it with care or anew, than to run it.
QUICK = """
spark.sql.adaptive.enabled false
spark.sql.codegen.factoryMode NO_CODEGEN
spark.sql.codegen.wholeStage false
spark.sql.constraintPropagation.enabled false
"""


@pytest.fixture(scope="session")
def quick_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spark without what does not pay on ten thousand rows; a user without Spark skips."""
    absent = [
        reason
        for reason, is_there in {
            "Java 17 is not installed": shutil.which("java"),
            "Spark is not installed; run `make spark-env`": (ROOT / SPARK_DBT).exists(),
        }.items()
        if not is_there
    ]
    if absent:
        missing("; ".join(absent))
    settings = tmp_path_factory.mktemp("spark_settings")
    (settings / "spark-defaults.conf").write_text(QUICK, encoding="ascii")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(settings))
        # The compiler that is left gets a fifth of the usual space for code, which a Thrift server fills and then dies.
        java = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m"
        patch.setenv("JAVA_TOOL_OPTIONS", java)
        yield


@pytest.fixture(scope="session")
def exported_clients(bank_clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bank's file as a Russian Excel exports it: the same clients, in nothing written the same."""
    path = tmp_path_factory.mktemp("exported") / "clients.csv"
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            copy (
                select * replace (
                    coalesce(replace(Balance, '.', ',') || '\u00a0руб.', '—') as Balance,
                    replace(estimated_salary, '.', ',') as estimated_salary,
                    if(Churn = '1', 'Да', 'нет') as Churn,
                    if(Gender = 'М', 'муж.', 'жен') as Gender,
                    upper(City) || ' ' as City
                )
                from read_csv('{bank_clients}', all_varchar = true)
            ) to '{path}' (format csv, delimiter ';')
            """
        )
    return path


@pytest.fixture(scope="session")
def spark_marts(exported_clients: Path, quick_start: None) -> Path:
    """The marts of the bank's clients, exported in another notation, from a build in a Spark session."""
    # As tables each is computed once, not again in all that read it; the marts over Thrift are views.
    return build_on_spark(exported_clients, HOMES["spark"], *ONLY_MARTS, "--vars", "{marts_materialized: table}")


def with_only(marts: set[str], manifest: dict[str, Any], folder: Path) -> Path:
    """A copy of the project with these marts, and the models and seeds that they are built from."""
    models = {name: node for name, node in manifest["nodes"].items() if node["resource_type"] == "model"}
    left = [name for name, node in models.items() if f"{node['schema']}.{node['alias']}" in marts]
    assert len(left) == len(marts)
    for name in left:
        left += [parent for parent in manifest["parent_map"][name] if parent in models and parent not in left]
    copy_project(folder)
    shutil.rmtree(folder / "analyses")
    shutil.rmtree(folder / "tests/singular")
    for about_others in (
        *folder.glob("models/**/*exposures.yml"),
        *folder.glob("seeds/banks/*/unit_tests/*"),
    ):
        about_others.unlink()
    for name in models.keys() - left:
        path = folder / models[name]["original_file_path"]
        path.unlink()
        # Where the columns are the bank's own, the YAML is in its folder.
        path.with_suffix(".yml").unlink(missing_ok=True)
    read = {parent for name in left for parent in manifest["parent_map"][name]}
    for name, node in manifest["nodes"].items():
        if node["resource_type"] == "seed" and name not in read:
            for path in folder.glob(f"seeds/**/{node['name']}.csv"):
                path.unlink()
    return folder


@pytest.fixture(scope="session")
def bank_manifest(bank_warehouse: Path) -> dict[str, Any]:
    """What dbt knows of the project."""
    read: dict[str, Any] = json.loads((bank_warehouse.parent / "manifest.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="session")
def over_thrift(bank_manifest: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with what a Thrift server builds here."""
    return with_only(OVER_THRIFT, bank_manifest, tmp_path_factory.mktemp("over_thrift"))


@pytest.fixture(scope="session")
def port() -> int:
    """Where the Thrift server is asked."""
    return free_port()


def build_over_thrift(project: Path, port: int, directory: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BANK", OTHER_BANK)
        patch.setenv("BANK_SPARK_PORT", str(port))
        patch.setattr("spark.build.PROJECT", ("--project-dir", str(project), "--profiles-dir", str(ROOT)))
        return build_on_spark(OTHER_CLIENTS, directory, *ONLY_MARTS, target="spark_thrift")


@pytest.fixture(scope="session")
def thrift_marts(over_thrift: Path, port: int, quick_start: None) -> Path:
    """Some marts of another bank from a build on a Thrift server, which wrote its history beside them."""
    home = HOMES["spark_thrift"]
    shutil.rmtree(home, ignore_errors=True)
    with thrift_server(home / "server", port):
        return build_over_thrift(over_thrift, port, home)


@pytest.fixture(scope="session")
def keys(bank_manifest: dict[str, Any]) -> dict[str, list[str]]:
    """The key columns of every published model."""
    found = keys_of(bank_manifest)
    public = [node for node in bank_manifest["nodes"].values() if node.get("access") == "public"]
    assert len(found) == len(public) > 0
    return found


def test_every_mart_is_equal_on_both_engines(
    bank_warehouse: Path, spark_marts: Path, keys: dict[str, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    comparisons = list(compare(bank_warehouse, spark_marts, keys))
    with capsys.disabled():
        print("\n" + table(comparisons))
    assert [found.mart for found in comparisons if found.differences] == ["quality.reading_notes"]
    notes = rows_in(spark_marts, "select reading from quality.reading_notes order by all")
    kinds = ["currency", "decimal_comma", "decimal_comma", "flag_words", "no_value"]
    assert [kind for (kind,) in notes] == kinds
    assert next(found.rows for found in comparisons if found.mart == "marts.dim_clients") == 10_000


def test_marts_of_another_bank_are_equal_on_a_thrift_server(
    thrift_marts: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """To those that are published of a build on DuckDB."""
    project = other_bank(tmp_path_factory)
    manifest = json.loads((project / "target/report/manifest.json").read_text(encoding="utf-8"))
    keys = {mart: columns for mart, columns in keys_of(manifest).items() if mart in OVER_THRIFT}
    comparisons = list(compare(project / "published/latest/bank_marts.duckdb", thrift_marts, keys))
    assert {found.mart for found in comparisons} == OVER_THRIFT
    assert [found for found in comparisons if found.differences] == []
    assert next(found.rows for found in comparisons if found.mart == "marts.dim_clients") == 4_000


DEFECTS = {
    "a number beyond the tolerance": (
        "update marts.fct_churn_portrait set lift = lift * (1 + 2e-9) where trait = 'city'",
        {"marts.fct_churn_portrait": 3},
    ),
    "a number within the tolerance": ("update marts.fct_churn_portrait set lift = lift * (1 + 5e-10)", {}),
    "a count off by one": (
        "update marts.fct_product_count_metrics set clients = clients + 1 where product_count = 1",
        {"marts.fct_product_count_metrics": 1},
    ),
    "a number instead of none": (
        "update marts.fct_hypothesis_results set p_value = 0 where p_value is null",
        {"marts.fct_hypothesis_results": 3},
    ),
    # A row that only the one has, and a row that only the other has.
    "another key": (
        "update marts.dim_segments set segment_id = 'segment_5' where segment_id = 'segment_4'",
        {"marts.dim_segments": 2},
    ),
}


@pytest.fixture(scope="session")
def tables(bank_warehouse: Path, keys: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The marts of the bank's file as tables, of which a cell can be spoilt."""
    path = tmp_path_factory.mktemp("tables") / "tables.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(f"attach '{bank_warehouse}' as bank (read_only)")
        for mart in keys:
            connection.execute(f"create schema if not exists {mart.split('.')[0]}")
            connection.execute(f"create table {mart} as from bank.{mart}")
    return path


@pytest.mark.parametrize("defect", DEFECTS)
def test_planted_difference_is_counted(defect: str, tables: Path, keys: dict[str, list[str]], tmp_path: Path) -> None:
    statement, expected = DEFECTS[defect]
    planted = Path(shutil.copy(tables, tmp_path / "planted.duckdb"))
    with duckdb.connect(planted) as connection:
        connection.execute(statement)
    found = {one.mart: one.differences for one in compare(tables, planted, keys) if one.differences}
    assert found == expected


def written(warehouse: Path, directory: Path) -> dict[str, bytes]:
    """Conclusions, dashboards and the parts of the decks."""
    marts = read_marts(warehouse)
    directory.mkdir()
    named: dict[str, Any] = {"input_name": "bank.csv", "is_synthetic": False}
    found: dict[str, bytes] = {}
    for language in LANGUAGES:
        path = write_deck(marts, directory, language, **named)
        with zipfile.ZipFile(path) as deck:
            names = [name for name in deck.namelist() if name.startswith(PARTS_OF_A_DECK)]
            found |= {f"{path.name}: {name}": deck.read(name) for name in names}
        path.unlink()
        write_conclusions(marts, directory, language, **named)
    write_dashboards(marts, published_cube(warehouse), directory, **named)
    return found | {path.name: path.read_bytes() for path in directory.iterdir()}


def test_what_python_writes_is_the_same_to_the_byte(bank_warehouse: Path, spark_marts: Path, tmp_path: Path) -> None:
    on_duckdb, on_spark = (
        written(bank_warehouse, tmp_path / "duckdb"),
        written(spark_marts, tmp_path / "spark"),
    )
    assert on_duckdb.keys() == on_spark.keys()
    assert len(on_duckdb) > 24
    none_of(f"{name} differs" for name in on_duckdb if on_duckdb[name] != on_spark[name])


def test_server_that_does_not_answer_is_named_in_one_sentence(
    over_thrift: Path, thrift_marts: Path, port: int, tmp_path: Path
) -> None:
    """The one of the test above has ended; what dbt remembers of the project spares it another parse."""
    shutil.copy(HOMES["spark_thrift"] / "partial_parse.msgpack", tmp_path)
    said = rf"^The Thrift server of Spark .*\b{port}\b.*; check BANK_SPARK_HOST, .*\.$"
    with pytest.raises(RefusedError, match=said):
        build_over_thrift(over_thrift, port, tmp_path)


def test_key_of_the_clients_stays_out_of_what_spark_writes(spark_marts: Path, thrift_marts: Path) -> None:
    """Out of the marts, dbt's logs and artifacts, the tables of the server and the plans in its history."""
    key = read_or_create_key(ROOT / ".client_key")
    secrets = [key, *hmac_pads(key)]
    secrets += [secret.hex().encode() for secret in secrets]
    secrets += [secret.upper() for secret in secrets]
    files = [path for home in HOMES.values() for path in home.rglob("*") if path.is_file()]
    assert {spark_marts, thrift_marts, *(home / "dbt.log" for home in HOMES.values())} <= set(files)
    history = next(path for path in files if path.name.startswith("events_"))
    assert b"client_keys" in history.read_bytes()
    none_of(str(path) for path in files if any(secret in path.read_bytes() for secret in secrets))
