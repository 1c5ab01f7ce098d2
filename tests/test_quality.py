"""The gate, the checkpoint and the data quality page: each stops, warns or says what it must, and nothing else."""

import csv
import io
import json
import math
import os
import random
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from bank_segments import quality
from bank_segments.errors import RefusedError
from bank_segments.quality import ExpectationOutcome, GateResult
from bank_segments.quality_page import FILES, reason_text, write_quality_page
from bank_segments.warehouse import Build
from conftest import ROOT
from fault_table import saw, without_folders

LIMITS = ROOT / "seeds/gate_limits.csv"
SMALLEST_SHARE = 0.0001
Distribution = Mapping[str, Mapping[str, int]]
HALVES: Distribution = {"city": {"A": 5000, "B": 5000}, "is_churned": {"false": 10_000}}


@dataclass
class Warehouse:
    """A warehouse of only what the gate reads."""

    levels: Distribution = field(default_factory=lambda: HALVES)
    rejected: int = 0
    limits: str = field(default_factory=lambda: LIMITS.read_text(encoding="utf-8"))
    bands: Mapping[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> Path:
        """Write it, with the real seed of limits or another one."""
        path.parent.mkdir(parents=True, exist_ok=True)
        accepted = sum(next(iter(self.levels.values()), {}).values())
        limits = path.with_suffix(".csv")
        limits.write_text(self.limits, encoding="utf-8")
        with duckdb.connect(str(path)) as connection:
            connection.execute("create schema quality; create schema reference")
            connection.read_csv(str(limits), header=True).create("reference.gate_limits")
            connection.execute(
                "create table quality.row_counts as"
                " select ? as read_rows, ? as accepted_rows, ? as rejected_rows",
                [accepted + self.rejected, accepted, self.rejected],
            )
            connection.execute(
                "create table quality.trait_distribution"
                " (trait varchar, level varchar, clients bigint, share_of_clients double, band_definition varchar)"
            )
            for trait, levels in self.levels.items():
                for level, clients in levels.items():
                    connection.execute(
                        "insert into quality.trait_distribution values (?, ?, ?, ?, ?)",
                        [trait, level, clients, clients / sum(levels.values()), self.bands.get(trait)],
                    )
        return path


def gate_of(
    tmp_path: Path, now: Warehouse, before: Warehouse | None, *, allow_drift: bool = False
) -> GateResult:
    """The gate's result on two such warehouses, the earlier one as a release."""
    release = before.write(tmp_path / "R1/bank_marts.duckdb").parent if before else None
    return quality.check_gate(now.write(tmp_path / "now.duckdb"), release, allow_drift=allow_drift)


def index_of(gate: GateResult, trait: str) -> float:
    (finding,) = (found for found in gate.findings if found.subject == trait)
    assert finding.value is not None
    return finding.value


def outcome_of(gate: GateResult, subject: str, kind: str = "drift") -> str:
    (finding,) = (found for found in gate.findings if (found.kind, found.subject) == (kind, subject))
    return finding.outcome


def test_stability_index_is_the_one_computed_by_hand(tmp_path: Path) -> None:
    now = Warehouse({"city": {"A": 6000, "B": 4000}})
    # 0.1 ln(0.6 / 0.5) - 0.1 ln(0.4 / 0.5) = 0.1 * 0.1823215568 + 0.1 * 0.2231435513
    assert index_of(gate_of(tmp_path, now, Warehouse()), "city") == pytest.approx(0.04054651081, rel=1e-9)


def test_an_empty_level_counts_as_the_declared_smallest_share(tmp_path: Path) -> None:
    now = Warehouse({"city": {"A": 10_000}})
    by_hand = (1 - 0.5) * math.log(1 / 0.5) + (SMALLEST_SHARE - 0.5) * math.log(SMALLEST_SHARE / 0.5)
    assert index_of(gate_of(tmp_path, now, Warehouse()), "city") == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_stability_index_is_the_brute_force_sum(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)

    def drawn() -> dict[str, dict[str, int]]:
        return {
            f"trait_{trait}": {str(level): dice.choice((0, 7, 900, 5000)) for level in range(trait + 1)}
            | {"x": 600}
            for trait in range(8)
        }

    now, before = drawn(), drawn()
    gate = gate_of(tmp_path, Warehouse(now), Warehouse(before))
    for trait in now:
        shares = []
        for levels in (now[trait], before[trait]):
            counts = np.array([levels[level] for level in now[trait]], dtype=float)
            shares.append(np.maximum(counts / counts.sum(), SMALLEST_SHARE))
        total = 0.0
        for share, share_before in zip(*shares, strict=True):
            total += (share - share_before) * np.log(share / share_before)
        assert index_of(gate, trait) == pytest.approx(total, rel=1e-9, abs=1e-15)


def test_the_warehouse_compared_with_itself_has_not_drifted(sample_warehouse: Path, tmp_path: Path) -> None:
    (tmp_path / "bank_marts.duckdb").symlink_to(sample_warehouse)
    gate = quality.check_gate(sample_warehouse, tmp_path)
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        traits = connection.execute("select trait from reference.traits where kind = 'category'").fetchall()
    drift = [finding for finding in gate.findings if finding.kind == "drift"]
    assert {finding.subject for finding in drift} == {trait for (trait,) in traits} | {"is_churned"}
    assert {(finding.value, finding.outcome) for finding in drift} == {(0.0, "pass")}
    assert gate.refusal(Path("x.csv"), Path("rejected.csv")) is None


def test_distribution_holds_every_accepted_client_once_per_trait(bank_warehouse: Path) -> None:
    with duckdb.connect(str(bank_warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select trait, sum(clients), sum(share_of_clients) from quality.trait_distribution group by trait"
        ).fetchall()
        (churned,) = connection.execute(
            "select clients from quality.trait_distribution where trait = 'is_churned' and level = 'true'"
        ).fetchone() or (None,)
    assert {clients for _, clients, _ in rows} == {10_000}
    assert all(share == pytest.approx(1) for _, _, share in rows)
    assert churned == 2037


def test_the_bank_after_the_sample_would_only_be_compared(
    sample_warehouse: Path, bank_warehouse: Path, tmp_path: Path
) -> None:
    """The sample has the bank's joint structure: taken for one series, they do not drift, yet are not identical."""
    (tmp_path / "bank_marts.duckdb").symlink_to(sample_warehouse)
    gate = quality.check_gate(bank_warehouse, tmp_path)
    values = [finding.value for finding in gate.findings if finding.kind == "drift"]
    assert values
    assert all(value is not None and 0 < value < 0.05 for value in values)


SMALL = {"A": 5800, "B": 4200}
WARN, STOP = {"A": 6600, "B": 3400}, {"A": 7500, "B": 2500}  # PSI 0.106 and 0.275 against halves


def told(outcome: str, refusal: str | None) -> str:
    """What a user is told of a verdict: its word in run.json, and the sentence where nothing is published."""
    return f"{outcome}, отказ / refused: “{refusal}”" if refusal else f"{outcome}, опубликовано / published"


@pytest.mark.parametrize(
    ("levels", "allow_drift", "expected"),
    [
        (SMALL, False, "pass"),
        (WARN, False, "warn"),
        (STOP, False, "stop"),
        (WARN, True, "warn"),
        (STOP, True, "allowed"),
    ],
)
def test_drift_warns_and_stops(
    tmp_path: Path, levels: dict[str, int], allow_drift: bool, expected: str
) -> None:
    gate = gate_of(tmp_path, Warehouse({"city": levels}), Warehouse(), allow_drift=allow_drift)
    assert outcome_of(gate, "city") == expected
    assert gate.is_refused is (expected == "stop")
    refusal = gate.refusal(Path("my clients.csv"), Path("rejected.csv"))
    name = f"drift_{levels['A']}" + ("_allowed" if allow_drift else "")
    saw("gate", name, told(f"PSI {index_of(gate, 'city'):.3f}: {outcome_of(gate, 'city')}", refusal))
    if expected == "stop":
        assert refusal is not None
        for part in ("my clients.csv", "release R1", "city 0.275", "limit 0.25", "ALLOW_DRIFT=1"):
            assert part in refusal
        assert "\n" not in refusal
    else:
        assert refusal is None


@pytest.mark.parametrize(("rejected", "expected"), [(0, "pass"), (1, "warn"), (100, "warn"), (102, "stop")])
def test_rejected_rows_stop_above_one_percent(tmp_path: Path, rejected: int, expected: str) -> None:
    now = Warehouse({"city": {"A": 10_000 - 100}}, rejected=rejected)
    gate = gate_of(tmp_path, now, None, allow_drift=True)
    assert outcome_of(gate, "", "rejected_share") == expected
    refusal = gate.refusal(Path("my clients.csv"), Path("beside/rejected.csv"))
    assert (refusal is None) is (expected != "stop")
    saw("gate", f"rejected_{rejected}", told(outcome_of(gate, "", "rejected_share"), refusal))
    if refusal:
        for part in ("my clients.csv", "102 of its 10002 rows", "1.02%", "1.00%", "beside/rejected.csv"):
            assert part in refusal


def test_a_file_without_rows_stops(tmp_path: Path) -> None:
    gate = gate_of(tmp_path, Warehouse({}), None)
    refusal = gate.refusal(Path("x.csv"), Path("rejected.csv"))
    assert "it has no rows" in str(refusal)
    saw("gate", "no_rows", told(outcome_of(gate, "", "rejected_share"), refusal))


@pytest.mark.parametrize(
    ("kind", "old", "new", "expected"),
    [
        ("drift", "0.1,0.25,", "0.3,0.4,", "pass"),
        ("drift", "0.1,0.25,", "0.1,,", "warn"),
        ("drift", "0.1,0.25,", "0.2,0.27,", "stop"),
        ("rejected_share", "0,0.01,", "0,0.001,", "stop"),
        ("rejected_share", "0,0.01,", "0.01,0.02,", "pass"),
        ("client_count_change", "0.2,,", "0.01,0.05,", "stop"),
        ("client_count_change", "0.2,,", "0.2,0.5,", "pass"),
    ],
)
def test_the_limits_are_those_of_the_seed(
    tmp_path: Path, kind: str, old: str, new: str, expected: str
) -> None:
    seed = LIMITS.read_text(encoding="utf-8")
    edited = seed.replace(f"{kind},{old}", f"{kind},{new}")
    assert edited != seed
    moved = STOP if kind == "drift" else HALVES["city"]
    now = {
        "city": {level: clients * 9 // 10 for level, clients in moved.items()},
        "is_churned": {"false": 9000},
    }
    gate = gate_of(tmp_path, Warehouse(now, rejected=50, limits=edited), Warehouse())
    assert outcome_of(gate, "city" if kind == "drift" else "", kind) == expected
    assert gate.is_refused is (expected == "stop")


def test_a_measure_that_the_seed_does_not_name_is_not_taken(tmp_path: Path) -> None:
    kept = [line for line in LIMITS.read_text(encoding="utf-8").splitlines() if not line.startswith("drift")]
    gate = gate_of(tmp_path, Warehouse({"city": STOP}, limits="\n".join(kept)), Warehouse())
    assert {finding.kind for finding in gate.findings} == {"rejected_share", "client_count_change"}


@pytest.mark.parametrize("smallest_share", ["", "0", "2"])
def test_drift_without_a_usable_smallest_share_is_refused(tmp_path: Path, smallest_share: str) -> None:
    edited = LIMITS.read_text(encoding="utf-8").replace("0.25,0.0001,", f"0.25,{smallest_share},")
    with pytest.raises(RefusedError, match="smallest_share"):
        gate_of(tmp_path, Warehouse(limits=edited), Warehouse())


def test_what_cannot_be_compared_gets_no_verdict_and_says_why(tmp_path: Path) -> None:
    now = Warehouse(
        {"city": STOP, "new": {"A": 1}, "age_band": {"<30": 9, "30+": 9991}, "few": {"A": 499}},
        bands={"age_band": "<30; 30+"},
    )
    before = Warehouse(
        {"city": {"A": 9}, "old": {"A": 9}, "age_band": {"<25": 9991, "25+": 9}, "few": {"A": 9, "B": 990}},
        bands={"age_band": "<25; 25+"},
    )
    gate = gate_of(tmp_path, now, before)
    notes = {
        found.subject: (found.value, found.outcome, found.note)
        for found in gate.findings
        if found.kind == "drift"
    }
    assert notes == {
        "city": (None, "none", "few_clients"),
        "new": (None, "none", "only_now"),
        "old": (None, "none", "only_before"),
        "age_band": (None, "none", "redefined"),
        "few": (None, "none", "few_clients"),
    }
    assert not gate.is_refused


def test_a_first_run_has_no_drift_verdict(tmp_path: Path) -> None:
    gate = gate_of(tmp_path, Warehouse(), None)
    unjudged = [found for found in gate.findings if found.outcome == "none"]
    assert [(found.kind, found.note) for found in unjudged] == [
        ("client_count_change", "first_run"),
        ("drift", "first_run"),
    ]
    refusal = gate.refusal(Path("x.csv"), Path("rejected.csv"))
    saw("gate", "first_run", told(f"{unjudged[1].outcome} ({unjudged[1].note})", refusal))


@pytest.mark.parametrize("fault", ["no file", "not a database", "no relation"])
def test_an_unreadable_previous_release_is_reported_not_fatal(tmp_path: Path, fault: str) -> None:
    release = tmp_path / "R1"
    release.mkdir()
    if fault == "not a database":
        (release / "bank_marts.duckdb").write_text("not a database " * 1000, encoding="utf-8")
    if fault == "no relation":
        duckdb.connect(str(release / "bank_marts.duckdb")).close()
    gate = quality.check_gate(Warehouse().write(tmp_path / "now.duckdb"), release)
    (verdict,) = {(found.outcome, found.note) for found in gate.findings if found.kind == "drift"}
    assert verdict == ("none", "unreadable")
    assert not gate.is_refused
    refusal = gate.refusal(Path("x.csv"), Path("rejected.csv"))
    saw("gate", f"unreadable_{fault.replace(' ', '_')}", told(f"{verdict[0]} ({verdict[1]})", refusal))


def test_a_path_with_a_quote_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "it's; drop"
    gate = gate_of(folder, Warehouse({"city": STOP}), Warehouse())
    assert outcome_of(gate, "city") == "stop"


def test_series(tmp_path: Path) -> None:
    sample = tmp_path / "seeds/clients.parquet"
    sample.parent.mkdir()
    sample.touch()
    link = tmp_path / "link.parquet"
    link.symlink_to(sample)
    assert quality.series_of(sample, sample) == quality.series_of(link, sample) == "sample"
    months = ("2026-10/clients.csv", "2026-11/clients.csv.gz", "clients.parquet")
    assert {quality.series_of(Path(month), sample) for month in months} == {"file:clients"}
    assert quality.series_of(Path("branch.csv"), sample) == "file:branch"
    assert quality.series_of(Path("sample.csv"), sample) == "file:sample"
    assert quality.series_of(Path("branch.csv"), sample, "north") == "named:north"


def test_previous_release_is_the_newest_of_the_series_not_newer_than_latest(tmp_path: Path) -> None:
    releases = {"R1": "sample", "R2": "file:a", "R3": "file:a", "R4": "sample", "R5": None}
    for run_id, series in releases.items():
        (tmp_path / run_id).mkdir()
        record = {"input": {"series": series} if series else {}}
        (tmp_path / run_id / "run.json").write_text(json.dumps(record), encoding="utf-8")
    (tmp_path / ".R9").mkdir()
    (tmp_path / ".R9/run.json").write_text(json.dumps({"input": {"series": "sample"}}), encoding="utf-8")
    (tmp_path / "R0").mkdir()
    (tmp_path / "R0/run.json").write_text("{broken", encoding="utf-8")
    (tmp_path / "latest").symlink_to("R5")
    assert quality.previous_release(tmp_path, "sample") == tmp_path / "R4"
    assert quality.previous_release(tmp_path, "file:a") == tmp_path / "R3"
    assert quality.previous_release(tmp_path, "file:b") is None
    (tmp_path / "latest").unlink()
    (tmp_path / "latest").symlink_to("R2")  # R3 and R4 were rolled back
    assert quality.previous_release(tmp_path, "sample") == tmp_path / "R1"
    assert quality.previous_release(tmp_path, "file:a") == tmp_path / "R2"
    assert quality.previous_release(tmp_path / "nowhere", "sample") is None


HOSTILE = [
    "=1+1",
    "-5",
    "+7.5e3",
    "@SUM(A1)",
    "a;=b",
    "  =c",
    "\t=d",
    "line\n=e",
    'say "hi"',
    "-5+cmd|x",
    None,
    "Ж",
]
DISARMED = [
    "'=1+1",
    "-5",
    "+7.5e3",
    "'@SUM(A1)",
    "a;'=b",
    "  '=c",
    "\t'=d",
    "line\n'=e",
    'say "hi"',
    "'-5+cmd|x",
    "",
    "Ж",
]


def test_rejected_rows_are_written_whole_and_without_formulas_for_the_owner_only(tmp_path: Path) -> None:
    warehouse, path = tmp_path / "bank.duckdb", tmp_path / "log/rejected.csv"
    assert quality.write_rejected(warehouse, path) == 0
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema raw; create schema staging; create table raw.clients"
            ' (source_row_number bigint, userid varchar, "City" varchar, row_fault varchar, row_text varchar)'
        )
        connection.execute(
            "create table staging.stg_bank__client_rows (source_row_number bigint, reasons varchar)"
        )
    assert quality.write_rejected(warehouse, path) == 0
    assert not path.parent.exists()
    with duckdb.connect(str(warehouse)) as connection:
        for number, text in enumerate([*HOSTILE, "accepted"]):
            connection.execute("insert into raw.clients values (?, '=7', ?, null, '7;=1')", [number, text])
            reasons = None if text == "accepted" else "City is unknown"
            connection.execute("insert into staging.stg_bank__client_rows values (?, ?)", [number, reasons])
    old_mask = os.umask(0)
    try:
        assert quality.write_rejected(warehouse, path) == len(HOSTILE)
        assert quality.write_rejected(warehouse, path) == len(HOSTILE)
    finally:
        os.umask(old_mask)
    rows = list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))
    assert rows[0] == ["source_row_number", "reasons", "userid", "City", "row_text"]
    assert [row[3] for row in rows[1:]] == DISARMED
    assert {(row[1], row[2], row[4]) for row in rows[1:]} == {("City is unknown", "'=7", "7;'=1")}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.fixture(scope="module")
def expectations(sample_warehouse: Path) -> pd.DataFrame:
    return quality.read_expectations(sample_warehouse)


@pytest.fixture(scope="module")
def frames(sample_warehouse: Path, expectations: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return quality.read_frames(sample_warehouse, expectations)


def unmet(outcomes: Sequence[ExpectationOutcome]) -> dict[str, str]:
    return {outcome.expectation_id: outcome.observed for outcome in outcomes if not outcome.is_met}


NO_NETWORK = """
import runpy, sys
def audit(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        print(event, arguments, file=sys.stderr)
        import os
        os._exit(9)
sys.addaudithook(audit)
runpy.run_module("bank_segments.quality", run_name="__main__")
"""


def test_the_checkpoint_passes_on_the_sample_and_asks_no_host(
    sample_warehouse: Path, expectations: pd.DataFrame
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", NO_NETWORK],
        env=os.environ | {"PYTHONPATH": str(ROOT / "python")},
        input=json.dumps(str(sample_warehouse)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    outcomes = [ExpectationOutcome(**outcome) for outcome in json.loads(run.stdout)]
    assert unmet(outcomes) == {}
    assert {outcome.expectation_id for outcome in outcomes} == set(expectations["expectation_id"])


def test_the_checkpoint_passes_on_the_bank(bank_warehouse: Path) -> None:
    expectations = quality.read_expectations(bank_warehouse)
    outcomes = quality.run_checkpoint(quality.read_frames(bank_warehouse, expectations), expectations)
    assert unmet(outcomes) == {}
    assert quality.refusal_of(outcomes, bank_warehouse) is None


def put(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A defect: the first cell of a column is another value."""

    def planted(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{column: [value, *frame[column][1:]]})

    return planted


def everywhere(column: str, value: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A defect: every cell of a column is another value."""
    return lambda frame: frame.assign(**{column: value})


def without(query: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """A defect: the rows of a query are not there."""
    return lambda frame: frame.query(f"not ({query})")


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    """A defect: every row is there twice."""
    return pd.concat([frame, frame], ignore_index=True)


# One defect per expectation, in the mart that it looks at.
DEFECTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "rows_add_up": put("rejected_rows", 1),
    "some_clients": put("accepted_rows", 0),
    "trait_names": put("name_en", None),
    "level_labels": put("label_ru", None),
    "segment_names": put("rule", None),
    "portrait_rates": put("churn_rate", 1.2),
    "portrait_interval": put("churn_rate_low", 0.99),
    "portrait_churned": put("churned_clients", 99_999),
    "portrait_traits": without("trait == 'is_loyal'"),
    "portrait_clients": put("clients", 1),
    "portrait_leavers": put("churned_clients", 1),
    "portrait_shares": put("share_of_churned", 0.9999),
    "portrait_quartiles": put("p25", 1e9),
    "portrait_means": put("mean", -1.0),
    "product_rates": put("churn_rate_high", 1.01),
    "product_parts": put("active_clients", 3),
    "product_clients": without("product_count == 4"),
    "product_portrait_shares": put("share", -0.01),
    "product_portrait_sums": without("level == 'Рыбинск' and product_count == 1"),
    "product_portrait_quartiles": put("p75", -1.0),
    "segments_all": without("segment_id == 'segment_3'"),
    "segments_none": without("segment_id == 'none'"),
    "segments_unique": twice,
    "segment_rates": put("coverage", 1.0001),
    "segment_churned": put("churned_clients", 99_999),
    "segment_sizes": put("clients", 10_001),
    "hypotheses_all": without("hypothesis_id == 'h2_salary'"),
    "p_values": put("p_value", 1.5),
    "p_values_adjusted": everywhere("p_value", 0.999),
    "verdicts": put("verdict", "perhaps"),
    "verdict_or_reason": put("verdict", None),
    "hypothesis_interval": put("difference", 1e9),
    "one_primary_test": everywhere("is_primary", False),
    "cube_clients": twice,
    "cube_leavers": put("churned_clients", 5000),
}


def test_every_expectation_has_a_planted_defect(expectations: pd.DataFrame) -> None:
    assert set(DEFECTS) == set(expectations["expectation_id"])


@pytest.mark.parametrize("expectation_id", DEFECTS)
def test_a_planted_defect_is_found(
    expectation_id: str, expectations: pd.DataFrame, frames: dict[str, pd.DataFrame], sample_warehouse: Path
) -> None:
    suite = expectations[expectations["expectation_id"] == expectation_id]
    relation = suite["relation"].item()
    assert unmet(quality.run_checkpoint(frames, suite)) == {}
    outcomes = quality.run_checkpoint(frames | {relation: DEFECTS[expectation_id](frames[relation])}, suite)
    assert list(unmet(outcomes)) == [expectation_id]
    refusal = quality.refusal_of(outcomes, sample_warehouse)
    assert refusal is not None
    for part in (str(sample_warehouse), expectation_id, relation, suite["meaning_en"].item()):
        assert part in refusal
    saw(
        "checkpoint",
        expectation_id,
        f"отказ / refused: “{without_folders(refusal, sample_warehouse.parent)}”",
    )


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"relation": "marts.fct_nowhere"}, "fct_nowhere"),
        ({"columns": "nowhere"}, "nowhere"),
        ({"expectation_type": "expect_the_unexpected"}, "expect_the_unexpected"),
        ({"kwargs": '{"max_value": {"total_of": "quality.row_counts.nowhere"}}'}, "nowhere"),
        ({"kwargs": '{"no_such_argument": 1}'}, "no_such_argument"),
        ({"summed_by": "nowhere"}, "nowhere"),
    ],
)
def test_an_expectation_that_cannot_be_evaluated_is_not_met(
    change: dict[str, str], seen: str, expectations: pd.DataFrame, frames: dict[str, pd.DataFrame]
) -> None:
    suite = expectations[expectations["expectation_id"] == "segment_sizes"].assign(**change)
    (outcome,) = quality.run_checkpoint(frames, suite)
    assert not outcome.is_met
    assert seen in outcome.observed


def test_the_prepared_process_finds_a_defect_in_a_warehouse_and_ends(
    sample_warehouse: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "it's broken.duckdb"
    shutil.copy(sample_warehouse, broken)
    with duckdb.connect(str(broken)) as connection:
        connection.execute(
            "create or replace view marts.dim_traits as select * replace (null::varchar as name_en)"
            " from intermediate.int_traits; drop view marts.rpt_dashboard_cube"
        )
    with quality.prepared_checkpoint() as checkpoint:
        checkpoint.begin(broken)
        outcomes = checkpoint.outcomes()
    assert set(unmet(outcomes)) == {"trait_names", "cube_clients", "cube_leavers"}
    assert checkpoint.process.poll() is not None


def test_a_process_that_is_not_asked_ends_with_the_run_and_one_that_breaks_says_why(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), quality.prepared_checkpoint() as checkpoint:
        raise KeyboardInterrupt
    assert checkpoint.process.poll() is not None
    with quality.prepared_checkpoint() as checkpoint:
        checkpoint.begin(tmp_path / "nowhere.duckdb")
        with pytest.raises(RefusedError, match=r"could not be validated: .*nowhere[.]duckdb"):
            checkpoint.outcomes()


class Reader(HTMLParser):
    """The text of a page, its links, and the elements that it has."""

    def __init__(self, page: str) -> None:
        """Read the page at once."""
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note an element and where it points."""
        self.tags.add(tag)
        self.links += [
            value or "" for name, value in attributes if name in ("href", "src", "action", "srcset")
        ]

    def handle_data(self, text: str) -> None:
        """Note what a reader sees."""
        self.text += text


@dataclass
class Page:
    """What the page is made from; `written` gives it in both languages."""

    build: Build
    gate: GateResult
    outcomes: Sequence[ExpectationOutcome]
    input_name: str = "clients.csv"
    is_synthetic: bool = False

    def written(self, directory: Path) -> dict[str, Reader]:
        """Write the page and read it as a browser would; nothing in it may point outside."""
        write_quality_page(
            directory,
            build=self.build,
            gate=self.gate,
            outcomes=self.outcomes,
            run_id="R2",
            input_name=self.input_name,
            is_synthetic=self.is_synthetic,
        )
        pages = {language: (directory / name).read_text(encoding="utf-8") for language, name in FILES.items()}
        for page in pages.values():
            assert not re.search(r"https?:|//[a-z]|url\(|@import|<script", page)
        return {language: Reader(page) for language, page in pages.items()}


@pytest.fixture
def page(sample_warehouse: Path, tmp_path: Path, expectations: pd.DataFrame) -> Page:
    """A page on the sample with every expectation met and every test of dbt passed."""
    build = Build(tmp_path / "build")
    build.directory.mkdir()
    build.warehouse.symlink_to(sample_warehouse)
    build.manifest.symlink_to(sample_warehouse.with_name("manifest.json"))
    nodes = json.loads(build.manifest.read_text(encoding="utf-8"))["nodes"]
    write_results(build, {name: "pass" for name, node in nodes.items() if node["resource_type"] == "test"})
    outcomes = [
        ExpectationOutcome(
            **{str(name): str(row[name]) for name in row if name in ExpectationOutcome.__slots__},
            is_met=True,
            observed="",
        )
        for row in expectations.to_dict("records")
    ]
    return Page(build, quality.check_gate(sample_warehouse, None), outcomes)


def write_results(build: Build, statuses: Mapping[str, str]) -> None:
    results = [{"unique_id": name, "status": status} for name, status in statuses.items()]
    build.run_results.write_text(json.dumps({"results": results}), encoding="utf-8")


def test_the_page_of_an_accepted_run(page: Page, tmp_path: Path, sample_warehouse: Path) -> None:
    with duckdb.connect(str(sample_warehouse), read_only=True) as connection:
        ((loyal, without_balance),) = connection.execute(
            "select loyal_churned_clients, clients_without_balance from quality.row_counts"
        ).fetchall()
    pages = page.written(tmp_path / "data_quality")
    russian, english = pages["ru"].text, pages["en"].text
    assert "Данные приняты" in russian
    assert "с предупреждениями" not in russian
    assert "The data are accepted" in english
    assert "with warnings" not in english
    assert "10\u00a0000" in russian
    assert "10,000" in english
    for text, thousands in ((russian, "\u00a0"), (english, ",")):
        assert f"{loyal}\u00a0" in text
        assert f"{without_balance:,}".replace(",", thousands) in text
        assert "seeds/gate_limits.csv" in text
    assert "сравнивать не с чем" in russian
    assert "nothing to compare it with" in english
    for outcome in page.outcomes:
        assert outcome.meaning_ru in russian
        assert outcome.meaning_en in english
    assert f"Выполнено {len(page.outcomes)} из {len(page.outcomes)}" in russian
    assert "marts.fct_segment_metrics" in english
    assert pages["ru"].links == ["data:,", "../index.html", "index.en.html"]
    assert pages["en"].links == ["data:,", "../index.en.html", "index.html"]
    assert not re.search("[а-яё]", english.replace("По-русски", "").lower())
    assert not {"script", "img", "iframe"} & pages["ru"].tags


def test_every_test_of_dbt_is_on_the_page(page: Page, tmp_path: Path) -> None:
    names = list(json.loads(page.build.run_results.read_text(encoding="utf-8"))["results"])
    text = page.written(tmp_path / "passed")["en"].text
    assert text.count("✓ fine") == len(names) + 1  # and the rejected rows
    first, second = names[0]["unique_id"], names[1]["unique_id"]
    statuses = {name["unique_id"]: "pass" for name in names} | {first: "warn"}
    write_results(page.build, statuses)
    warned = page.written(tmp_path / "warned")
    assert "accepted with warnings" in warned["en"].text
    assert "Проверок dbt с предупреждением: 1." in warned["ru"].text
    write_results(page.build, statuses | {second: "fail"})
    failed = page.written(tmp_path / "failed")
    assert "The data are not accepted" in failed["en"].text
    assert "Проверок dbt не пройдено: 1." in failed["ru"].text
    page.build.run_results.unlink()
    assert "no results of dbt" in page.written(tmp_path / "absent")["en"].text


def test_the_first_line_says_that_data_are_synthetic(page: Page, tmp_path: Path) -> None:
    assert "синтетические" not in page.written(tmp_path / "real")["ru"].text
    pages = replace(page, is_synthetic=True).written(tmp_path / "synthetic")
    for language, title, words in (
        ("ru", "Качество данных", "синтетические"),
        ("en", "Data quality", "synthetic"),
    ):
        first = next(line for line in pages[language].text.splitlines() if line.strip() not in ("", title))
        assert words in first


def test_drift_is_on_the_page_with_the_trait_in_words(
    page: Page, tmp_path: Path, sample_warehouse: Path
) -> None:
    release = tmp_path / "R1"
    release.mkdir()
    shutil.copy(sample_warehouse, release / "bank_marts.duckdb")
    with duckdb.connect(str(release / "bank_marts.duckdb")) as connection:
        connection.execute("create table quality.moved as from quality.trait_distribution")
        connection.execute(
            "update quality.moved set share_of_clients = 1 - share_of_clients where trait = 'is_churned'"
        )
        connection.execute(
            "update quality.moved set share_of_clients = share_of_clients * 0.5 where level = 'Рыбинск'"
        )
        connection.execute("create or replace view quality.trait_distribution as from quality.moved")
    stopped = replace(page, gate=quality.check_gate(sample_warehouse, release)).written(tmp_path / "stopped")
    assert "Данные не приняты" in stopped["ru"].text
    assert "«Уход»: распределение сдвинулось" in stopped["ru"].text
    assert "Предел 0,250." in stopped["ru"].text
    assert "«Город»" not in stopped["ru"].text  # a warning is no reason to stop
    allowed = replace(page, gate=quality.check_gate(sample_warehouse, release, allow_drift=True))
    pages = allowed.written(tmp_path / "allowed")
    assert "accepted with warnings" in pages["en"].text
    assert "“Churn”: the distribution moved" in pages["en"].text
    assert "ALLOW_DRIFT=1" in pages["en"].text
    assert "Compared with release R1" in pages["en"].text


def test_an_unmet_expectation_is_on_the_page_with_what_was_seen(page: Page, tmp_path: Path) -> None:
    outcomes = [replace(page.outcomes[3], is_met=False, observed="1 of 42: 1.2"), *page.outcomes]
    pages = replace(page, outcomes=outcomes).written(tmp_path / "unmet")
    assert "The data are not accepted" in pages["en"].text
    assert "seen: 1 of 42: 1.2" in pages["en"].text
    assert "✕ не выполнено" in pages["ru"].text


HOSTILE_TEXT = "<img src=x onerror=alert(1)>&\"'{input_name}"


def test_text_from_outside_stays_text(page: Page, tmp_path: Path, sample_warehouse: Path) -> None:
    build = Build(tmp_path / "hostile")
    build.directory.mkdir()
    shutil.copy(sample_warehouse, build.warehouse)
    with duckdb.connect(str(build.warehouse)) as connection:
        connection.execute(
            "create or replace view quality.rejection_reasons as select $$"
            + HOSTILE_TEXT
            + "$$ as reason, 3::bigint as rejected_rows union all select 'Age is not a number', 12345"
        )
    outcomes = [
        replace(
            page.outcomes[0],
            is_met=False,
            meaning_ru=HOSTILE_TEXT,
            meaning_en=HOSTILE_TEXT,
            observed=HOSTILE_TEXT,
        )
    ]
    hostile = replace(page, build=build, outcomes=outcomes, input_name=HOSTILE_TEXT)
    for reader in hostile.written(tmp_path / "page").values():
        assert reader.text.count(HOSTILE_TEXT) >= 5
        assert "img" not in reader.tags
    assert "Age: не число" in hostile.written(tmp_path / "page")["ru"].text
    assert "12\u00a0345" in hostile.written(tmp_path / "page")["ru"].text


@pytest.fixture
def reasons(sample_warehouse: Path) -> set[str]:
    """The reasons for rejection in the SQL that loads and cleans the clients."""
    manifest: dict[str, Any] = json.loads(
        sample_warehouse.with_name("manifest.json").read_text(encoding="utf-8")
    )
    loading = manifest["macros"]["macro.bank_segments.select_from_csv"]["macro_sql"]
    cleaning = manifest["nodes"]["model.bank_segments.stg_bank__client_rows"]["compiled_code"]
    return set(re.findall(r"then '([^']+ [^']+)'", loading + cleaning))


def test_every_reason_that_the_models_can_give_has_russian_words(reasons: set[str]) -> None:
    assert len(reasons) > 20
    assert "row has more fields than the header" in reasons
    assert [reason for reason in reasons if not re.search("[а-яё]", reason_text(reason, "ru"))] == []
