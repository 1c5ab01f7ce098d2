"""The gate stops, warns or says why it cannot tell, by the limits of the seed and by nothing else."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from bank_segments import register_file
from bank_segments.errors import RefusedError
from bank_segments.release.gate import GateResult, check_gate, previous_release, series_of
from bank_segments.release.run import is_sample
from conftest import SAMPLE, rows_in
from fault_table import saw

LIMITS = register_file("gate_limits").read_text(encoding="utf-8")
SMALLEST_SHARE = 0.0001
Levels = Mapping[str, int]
HALVES: Levels = {"A": 5000, "B": 5000}


@dataclass
class Warehouse:
    """A warehouse of only what the gate reads: clients by trait and level, and what is concluded of a hypothesis."""

    traits: Mapping[str, Levels] = field(default_factory=lambda: {"city": HALVES})
    rejected: int = 0
    limits: str = LIMITS
    bands: Mapping[str, str] = field(default_factory=dict)
    conclusions: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it, with the real seed of limits or another one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        accepted = sum(next(iter(self.traits.values()), {}).values())
        path.with_suffix(".csv").write_text(self.limits, encoding="utf-8")
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema quality; create schema reference")
            connection.read_csv(str(path.with_suffix(".csv")), header=True).create("reference.gate_limits")
            connection.execute(
                "create table quality.row_counts as"
                " select $1 as accepted_rows, $2 as rejected_rows, $1 + $2 as read_rows",
                [accepted, self.rejected],
            )
            connection.execute(
                "create table quality.trait_distribution"
                " (trait varchar, level varchar, clients bigint, share_of_clients double, band_definition varchar)"
            )
            for trait, levels in self.traits.items():
                for level, clients in levels.items():
                    row = [trait, level, clients, clients / sum(levels.values()), self.bands.get(trait)]
                    connection.execute("insert into quality.trait_distribution values (?, ?, ?, ?, ?)", row)
            connection.execute("create schema marts")
            connection.execute(
                "create table marts.fct_hypothesis_results"
                " (hypothesis_id varchar, population varchar, conclusion varchar, is_primary boolean)"
            )
            for (hypothesis, population), conclusion in self.conclusions.items():
                for cells in ([conclusion, True], ["another test", False]):
                    row = [hypothesis, population, *cells]
                    connection.execute("insert into marts.fct_hypothesis_results values (?, ?, ?, ?)", row)
        return path


def gate_of(folder: Path, now: Warehouse, before: Warehouse | None = None, *, allow_drift: bool = False) -> GateResult:
    """The gate's result on two such warehouses, the earlier one as a release."""
    release = before.write(folder / "R1/bank_marts.duckdb").parent if before else None
    return check_gate(now.write(folder / "bank.duckdb"), release, allow_drift=allow_drift)


def found(gate: GateResult, kind: str) -> dict[str, tuple[float | None, str, str]]:
    """The value, outcome and note of each subject."""
    return {
        finding["subject"]: (finding["value"], finding["outcome"], finding["note"])
        for finding in gate.findings
        if finding["kind"] == kind
    }


def told(name: str, gate: GateResult, kind: str, subject: str = "") -> None:
    """Hold the page of faults to a verdict, and to the sentence where nothing is published."""
    value, outcome, note = found(gate, kind)[subject]
    verdict = f"PSI {value:.3f}: {outcome}" if subject else f"{outcome} ({note})" if note else outcome
    refusal = gate.refusal(Path("my clients.csv"), Path("beside/rejected.csv"))
    ending = f"отказ / refused: “{refusal}”" if refusal else "опубликовано / published"
    saw("gate", name, f"{verdict}, {ending}")


@pytest.mark.parametrize(
    ("levels", "by_hand"),
    [
        # 0.1 ln(0.6 / 0.5) - 0.1 ln(0.4 / 0.5) = 0.1 * 0.1823215568 + 0.1 * 0.2231435513
        ({"A": 6000, "B": 4000}, 0.04054651081),
        # Three levels, of which one is new: 0.1 ln(0.4 / 0.5) twice, and 0.2 ln(0.2 / 0.0001).
        ({"A": 4000, "B": 4000, "C": 2000}, 0.2 * math.log(1.25) + 0.1999 * math.log(2000)),
        # An empty level counts as the declared smallest share.
        ({"A": 10_000}, 0.5 * math.log(2) + (SMALLEST_SHARE - 0.5) * math.log(SMALLEST_SHARE / 0.5)),
    ],
)
def test_the_stability_index_is_the_one_computed_by_hand(tmp_path: Path, levels: Levels, by_hand: float) -> None:
    now, before = Warehouse({"city": levels, "gender": HALVES}), Warehouse({"city": HALVES, "gender": HALVES})
    drift = found(gate_of(tmp_path, now, before), "drift")
    assert drift["city"][0] == pytest.approx(by_hand, rel=1e-9)
    assert drift["gender"][0] == 0


def test_the_same_clients_have_not_drifted(sample_warehouse: Path, tmp_path: Path) -> None:
    (tmp_path / "bank_marts.duckdb").symlink_to(sample_warehouse)
    compared = rows_in(
        sample_warehouse,
        "select trait from reference.traits where kind = 'category' union all"
        " select segment_id from reference.segments union all select 'is_churned'",
    )
    gate = check_gate(sample_warehouse, tmp_path)
    assert found(gate, "drift") == {name: (0.0, "pass", "") for (name,) in compared}
    assert {(value, outcome) for value, outcome, _ in found(gate, "verdict_change").values()} == {(0, "pass")}


def drifted(clients: int, *, limits: str = LIMITS) -> Warehouse:
    """A level that so many of 10,000 clients have, and half of them had before."""
    return Warehouse({"city": {"A": clients, "B": 10_000 - clients}}, limits=limits)


@pytest.mark.parametrize(
    ("name", "clients", "allow_drift"),
    [
        ("drift_5800", 5800, False),
        ("drift_6600", 6600, False),
        ("drift_6600_allowed", 6600, True),
        ("drift_7500", 7500, False),
        ("drift_7500_allowed", 7500, True),
    ],
)
def test_drift_warns_and_stops_as_the_page_says(name: str, clients: int, allow_drift: bool, tmp_path: Path) -> None:
    # The folder of a release may be called anything.
    gate = gate_of(tmp_path / "it's; drop", drifted(clients), Warehouse(), allow_drift=allow_drift)
    told(name, gate, "drift", "city")


@pytest.mark.parametrize(
    ("name", "now"),
    [
        *((f"rejected_{rejected}", Warehouse({"city": {"A": 9900}}, rejected)) for rejected in (0, 1, 100, 102)),
        ("no_rows", Warehouse({})),
    ],
)
def test_rejected_rows_warn_and_stop_as_the_page_says(name: str, now: Warehouse, tmp_path: Path) -> None:
    """And no ALLOW_DRIFT lets them through."""
    told(name, gate_of(tmp_path, now, allow_drift=True), "rejected_share")


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("drift", "0.1,0.25,", "0.3,0.4,", "pass"),
        ("drift", "0.1,0.25,", "0.1,,", "warn"),
        ("rejected_share", "0,0.01,", "0,0.001,", "stop"),
        ("client_count_change", "0.2,,", "0.01,0.05,", "stop"),
    ],
)
def test_the_limits_are_those_of_the_seed(tmp_path: Path, kind: str, old: str, new: str, expected: str) -> None:
    edited = LIMITS.replace(f"{kind},{old}", f"{kind},{new}")
    assert edited != LIMITS
    clients = {"A": 6600, "B": 2200} if kind == "drift" else {"A": 4400, "B": 4400}
    gate = gate_of(tmp_path, Warehouse({"city": clients}, 50, edited), Warehouse())
    assert found(gate, kind)["city" if kind == "drift" else ""][1] == expected
    assert (gate.refusal(Path(), Path()) is not None) is (expected == "stop")


def test_a_measure_that_the_seed_does_not_name_is_not_taken(tmp_path: Path) -> None:
    kept = "\n".join(line for line in LIMITS.splitlines() if not line.startswith("drift"))
    gate = gate_of(tmp_path, drifted(7500, limits=kept), Warehouse())
    assert {finding["kind"] for finding in gate.findings} == {"rejected_share", "client_count_change"}


@pytest.mark.parametrize("smallest_share", ["", "0", "2"])
def test_drift_without_a_usable_smallest_share_is_refused(tmp_path: Path, smallest_share: str) -> None:
    edited = LIMITS.replace("0.25,0.0001,", f"0.25,{smallest_share},")
    with pytest.raises(RefusedError, match="smallest_share"):
        gate_of(tmp_path, Warehouse(limits=edited), Warehouse())


def test_what_cannot_be_compared_gets_no_verdict_and_says_why(tmp_path: Path) -> None:
    now = Warehouse(
        {"city": {"A": 7500}, "new": {"A": 1}, "age_band": {"<30": 9, "30+": 9991}, "few": {"A": 499}},
        bands={"age_band": "<30; 30+"},
    )
    before = Warehouse(
        {"city": {"A": 9}, "old": {"A": 9}, "age_band": {"<25": 9991, "25+": 9}, "few": {"A": 9, "B": 990}},
        bands={"age_band": "<25; 25+"},
    )
    gate = gate_of(tmp_path, now, before)
    assert found(gate, "drift") == {
        "city": (None, "none", "few_clients"),
        "new": (None, "none", "only_now"),
        "old": (None, "none", "only_before"),
        "age_band": (None, "none", "redefined"),
        "few": (None, "none", "few_clients"),
    }
    assert gate.refusal(Path(), Path()) is None


def test_a_verdict_that_is_not_the_previous_one_warns(tmp_path: Path) -> None:
    now = {
        ("age", "all"): "different",
        ("age", "active"): "negligible",
        ("city", "all"): "equivalent",
        ("new", "all"): "",
    }
    before = {("age", "all"): "different", ("age", "active"): "equivalent", ("city", "all"): "equivalent"}
    gate = gate_of(tmp_path, Warehouse(conclusions=now), Warehouse(conclusions=before | {("old", "all"): ""}))
    assert found(gate, "verdict_change") == {"age": (1, "warn", ""), "city": (0, "pass", "")}


@pytest.mark.parametrize("fault", ["first_run", "no_file", "not_a_database", "no_relation"])
def test_without_a_release_that_can_be_read_nothing_is_compared(tmp_path: Path, fault: str) -> None:
    release = tmp_path / "R1"
    release.mkdir()
    if fault == "not_a_database":
        (release / "bank_marts.duckdb").write_text("not a database " * 1000, encoding="utf-8")
    if fault == "no_relation":
        duckdb.connect(str(release / "bank_marts.duckdb")).close()
    is_first = fault == "first_run"
    gate = check_gate(Warehouse().write(tmp_path / "bank.duckdb"), None if is_first else release)
    assert found(gate, "client_count_change") == found(gate, "drift") == found(gate, "verdict_change")
    told(fault if is_first else f"unreadable_{fault}", gate, "drift")


@pytest.mark.parametrize(
    ("file", "name", "series"),
    [
        ("2026-10/clients.csv", None, "file:clients"),
        ("clients.CSV.GZ", None, "file:clients"),
        ("clients.parquet", None, "file:clients"),
        ("clients.csv.zst", None, "file:clients"),
        ("clients.xlsx", None, "file:clients"),
        ("Clients.csv", None, "file:Clients"),
        ("sample.csv", None, "file:sample"),
        ("branch.csv", "north", "named:north"),
    ],
)
def test_the_series_of_a_file(file: str, name: str | None, series: str) -> None:
    assert series_of(Path(file), name, is_sample=False) == f"metanprombank {series}"


def test_the_sample_is_its_own_series_by_whatever_path(tmp_path: Path) -> None:
    (tmp_path / "link.parquet").symlink_to(SAMPLE)
    for path in (SAMPLE, SAMPLE.parent / "../sample/clients.parquet", tmp_path / "link.parquet"):
        assert is_sample(path)
    assert not is_sample(tmp_path / "clients.parquet")
    assert series_of(SAMPLE, None, is_sample=True) == "metanprombank sample"


def test_previous_release_is_the_newest_of_the_series_not_newer_than_latest(tmp_path: Path) -> None:
    releases = {"R1": "sample", "R2": "file:a", "R3": "file:a", "R4": "sample", ".R9": "sample"}
    records = {run_id: json.dumps({"input": {"series": series}}) for run_id, series in releases.items()}
    for run_id, record in {"R0": "{broken", **records, "R5": "{}"}.items():
        (tmp_path / run_id).mkdir()
        (tmp_path / run_id / "run.json").write_text(record, encoding="utf-8")
    (tmp_path / "latest").symlink_to("R5")
    assert previous_release(tmp_path, "sample") == tmp_path / "R4"
    assert previous_release(tmp_path, "file:a") == tmp_path / "R3"
    assert previous_release(tmp_path, "file:b") is None
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to("R2")  # R3 and R4 were rolled back
    assert previous_release(tmp_path, "sample") == tmp_path / "R1"
    assert previous_release(tmp_path, "file:a") == tmp_path / "R2"
    assert previous_release(tmp_path / "nowhere", "sample") is None
