"""A pilot's arms are drawn as the docs say; a returned list is judged by numbers made by hand, or refused."""

import csv
import hashlib
import json
import re
import stat
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from bank_segments.errors import RefusedError
from bank_segments.evaluate import break_even_save_rate, evaluate, main, verdict
from bank_segments.release.activation import write_list
from bank_segments.statistics import Counts, relative_risk_reduction
from bank_segments.words import LANGUAGES
from conftest import csv_rows, rows_in
from output_cases import printed
from test_activation import Project

SEGMENT = "segment_2"  # pays from about 15 % kept on
HEADER = "client_id,city,product_count,segment_id,arm,is_churned"


@pytest.fixture(scope="module")
def sample(sample_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("pilot")).publish(sample_warehouse)


def draw(project: Project, folder: Path, segment: str = SEGMENT) -> Path:
    return write_list(project.published, project.build, segment, folder, is_pilot=True)


def test_every_other_client_of_a_stratum_gets_the_offer(
    sample: Project, sample_warehouse: Path, tmp_path: Path
) -> None:
    """Client by client: sorted by stratum and then by a hash that none but the bank can compute."""
    clients = rows_in(
        sample_warehouse,
        "select client_id, client_key, city, age_band from marts.dim_clients"
        " inner join staging.stg_bank__client_keys using (client_key)"
        " where not is_churned and product_count = 1 and age >= 39",
    )

    def place(client: tuple[object, ...]) -> tuple[object, ...]:
        _, key, *stratum = client
        return *stratum, hashlib.sha256(f"{SEGMENT} retention_call {key}".encode()).hexdigest()

    expected, strata = {}, Counter[tuple[object, ...]]()
    for number, client in enumerate(sorted(clients, key=place)):
        expected[str(client[0])] = ("offer", "control")[number % 2]
        strata[client[2:]] += 1 if number % 2 else -1
    path = draw(sample, tmp_path / "lists")
    rows = csv_rows(path)
    assert {row["client_id"]: row["arm"] for row in rows} == expected
    assert {row["segment_id"] for row in rows} == {SEGMENT}
    assert len(strata) > 10
    assert max(map(abs, strata.values())) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first = path.read_bytes()
    assert draw(sample, tmp_path / "lists").read_bytes() == first


def test_a_running_pilot_keeps_its_arms_and_terms(sample: Project, tmp_path: Path) -> None:
    path = draw(sample, tmp_path)
    terms = path.with_suffix(".json")
    settled = terms.read_text(encoding="utf-8").replace("0.05", "0.01")
    terms.write_text(settled, encoding="utf-8")
    draw(sample, tmp_path)
    path.write_text("the arms of another release", encoding="utf-8")
    with pytest.raises(RefusedError, match="holds other arms, of a pilot that may be running; move it away"):
        draw(sample, tmp_path)
    assert {file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == {
        "the arms of another release",
        settled,
    }


def test_a_pilot_that_proves_nothing_is_not_drawn(sample: Project, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="of segment_4 would prove nothing: Under these assumptions it does not pay"):
        draw(sample, tmp_path, "segment_4")
    assert list(tmp_path.iterdir()) == []


def settled(path: Path) -> dict[str, Any]:
    """The terms beside a list."""
    terms: dict[str, Any] = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    return terms


def test_at_the_churn_that_was_planned_for_it_pays_from_what_the_mart_says(sample: Project, tmp_path: Path) -> None:
    terms = settled(draw(sample, tmp_path))
    assert break_even_save_rate(terms["control_churn_rate"], terms) == pytest.approx(terms["save_rate_to_prove"])


def test_so_many_pilots_of_a_whole_segment_prove_that_it_pays_as_were_planned(sample: Project, tmp_path: Path) -> None:
    terms = settled(draw(sample, tmp_path))
    rate, clients = terms["control_churn_rate"], terms["available_clients"] // 2
    left_with_offer = rate * (1 - terms["smallest_provable_save_rate"])
    pilots = np.random.default_rng(1).binomial(clients, (left_with_offer, rate), (1000, 2)).tolist()
    proved = 0
    for offer, control in pilots:
        kept = relative_risk_reduction(Counts(offer, clients), Counts(control, clients), terms["confidence"])
        proved += verdict(kept, kept, break_even_save_rate(control / clients, terms)) == "pays"
    assert proved == pytest.approx(1000 * terms["power"], abs=3 * 13)


def test_terms_of_an_earlier_version_are_refused(sample: Project, tmp_path: Path) -> None:
    path = listed(sample, tmp_path, 800)
    earlier = {name: value for name, value in settled(path).items() if name != "value_of_kept_client"}
    path.with_suffix(".json").write_text(json.dumps(earlier), encoding="utf-8")
    with pytest.raises(RefusedError, match="is of an earlier version, without the costs"):
        evaluate(returned(path, (60, 400), (180, 400)), tmp_path, tmp_path / "pilots")


def listed(project: Project, folder: Path, clients: int) -> Path:
    """The list of a pilot whose odd clients get the offer, on the terms of one that was drawn."""
    path = draw(project, folder)
    rows = [f"{number},Рыбинск,1,{SEGMENT},{('control', 'offer')[number % 2]}" for number in range(clients)]
    path.write_text("\n".join([HEADER.removesuffix(",is_churned"), *rows, ""]), encoding="utf-8")
    return path


def returned(path: Path, offer: tuple[int, int], control: tuple[int, int]) -> Path:
    """That list with outcomes: of each arm so many leavers among so many clients, the others without a row."""
    left = {"offer": list(offer), "control": list(control)}
    rows = []
    for row in csv_rows(path):
        churned, clients = left[row["arm"]]
        if clients:
            rows.append(",".join([*row.values(), str(int(churned > 0))]))
            left[row["arm"]] = [churned - 1, clients - 1]
    path = path.with_name("returned.csv")
    path.write_text("\n".join([HEADER, *rows, ""]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("offer", "control", "expected"),
    [
        ((60, 400), (180, 400), "pays"),
        ((170, 400), (180, 400), "undecided"),
        ((300, 400), (180, 400), "does_not_pay"),
        ((0, 400), (180, 400), "pays"),
        ((400, 400), (400, 400), "does_not_pay"),
        ((0, 400), (400, 400), "pays"),
        ((0, 400), (0, 400), "undecided"),
        ((1, 400), (0, 400), "undecided"),
        ((10, 400), (0, 400), "does_not_pay"),
        # The same share kept as in the first, but so few leave that contacts and offers cost more than they keep.
        ((10, 400), (30, 400), "does_not_pay"),
        # As clear as the first, but a quarter of one arm is missing.
        ((45, 300), (180, 400), "undecided"),
    ],
)
def test_the_verdict(
    sample: Project, tmp_path: Path, offer: tuple[int, int], control: tuple[int, int], expected: str
) -> None:
    path = listed(sample, tmp_path, 800)
    folder, result = evaluate(returned(path, offer, control), tmp_path, tmp_path / "pilots")
    assert result.verdict == expected
    assert result.difference == pytest.approx(offer[0] / offer[1] - control[0] / control[1])
    came_back = np.array([[clients, 400 - clients] for _, clients in (offer, control)])
    assert result.mismatch_p_value == pytest.approx(stats.fisher_exact(came_back).pvalue)
    assert result.is_mismatched == (offer[1] == 300)
    if control[0]:
        assert result.save_rate == pytest.approx(1 - offer[0] / offer[1] * control[1] / control[0])
        # At just that share kept there is neither profit nor loss.
        assert result.save_rate_to_prove
        rate, kept, terms = control[0] / control[1], result.save_rate_to_prove, settled(path)
        accepting = rate * kept + (1 - rate) * terms["take_up_of_stayers"]
        costs = accepting * terms["offer_cost"] + terms["contact_cost"]
        assert rate * kept * terms["value_of_kept_client"] == pytest.approx(costs)
    else:
        assert result.save_rate is result.save_rate_to_prove is None
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    said = {}
    for language, name in zip(LANGUAGES, ("index.html", "index.en.html"), strict=True):
        page = (folder / name).read_text(encoding="utf-8")
        text = re.sub(r"<style>.*?</style>|<[^>]+>|\d{8}T\S+", " ", page, flags=re.DOTALL)
        assert not re.search("nan|None", text)
        said[language] = [value for value, _ in printed(text, language)]
    assert said["ru"] == said["en"]
    assert {float(value) for value in (*offer, *control)} <= set(said["en"])


def test_a_row_of_results_for_each_pilot(sample: Project, tmp_path: Path) -> None:
    """The latest evaluation of a pilot replaces the earlier one."""
    path, results = listed(sample, tmp_path, 800), tmp_path / "pilots/results.csv"
    evaluate(returned(path, (60, 400), (180, 400)), tmp_path, tmp_path / "pilots")
    rows = csv_rows(results)
    other = ",".join(value.replace(SEGMENT, "segment_1") for value in rows[0].values())
    with results.open("a", encoding="utf-8") as file:
        file.write(other + "\n")
    evaluate(returned(path, (300, 400), (180, 400)), tmp_path, tmp_path / "pilots")
    assert sorted((row["segment_id"], row["verdict"]) for row in csv_rows(results)) == [
        ("segment_1", "pays"),
        (SEGMENT, "does_not_pay"),
    ]
    assert stat.S_IMODE(results.stat().st_mode) == 0o600


def line(number: int, old: str, new: str) -> Callable[[str], str]:
    """A change in one line of a file; the header is line 0."""

    def changed(text: str) -> str:
        lines = text.splitlines()
        lines[number] = re.sub(old, new, lines[number])
        return "\n".join(lines)

    return changed


REFUSED: list[tuple[Callable[[str], str], str]] = [
    (line(3, "^", "9999"), "Row 3 under the header of .* has a client who is not on the list"),
    (line(4, "^.*$", r"\g<0>\n\g<0>"), "Row 5 .* repeats a client"),
    (line(1, "control", "offer"), "Row 1 .* has the arm offer, on the list it is control"),
    (line(2, ".$", "maybe"), "Row 2 .* has the outcome 'maybe', known are 0, false, 1, true"),
    (line(2, "..$", ""), "Row 2 .* has the outcome '', known are"),
    (line(0, "arm,is_churned", "group,left"), "lacks the columns arm, is_churned"),
    (line(5, SEGMENT, "segment_1"), "holds 2 segments; a pilot is of one"),
    (
        lambda text: text.replace(SEGMENT, "../x"),
        r"No pilot of \.\./x was drawn here: .* is missing; see make activation",
    ),
    (lambda text: text.replace(SEGMENT, "segment_1"), "segment_1.pilot.json is missing"),
    (lambda text: text.splitlines()[0], "has no rows under a header"),
    (lambda text: "", "has no rows under a header"),
    (
        lambda text: "\n".join(text.splitlines()[:5]),
        "The arm offer has fewer than 5 clients, too few to be shown",
    ),
]


@pytest.mark.parametrize(("change", "reason"), REFUSED)
def test_what_is_not_the_list_is_refused_and_nothing_kept(
    sample: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[str], str],
    reason: str,
) -> None:
    file = returned(listed(sample, tmp_path, 800), (60, 400), (180, 400))
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    folders = {"DIRECTORY": tmp_path, "PILOTS": tmp_path / "pilots"}
    for name, folder in folders.items():
        monkeypatch.setattr(f"bank_segments.evaluate.{name}", folder)
    assert main([str(file)]) == 1
    said = capsys.readouterr().err
    assert re.fullmatch(rf"make evaluate: .*{reason}.*\.\n", said), said
    assert not (tmp_path / "pilots").exists()


def test_a_list_that_a_spreadsheet_saved_is_read(sample: Project, tmp_path: Path) -> None:
    """With semicolons, a byte order mark, cities in another encoding and flags as words."""
    file = returned(listed(sample, tmp_path, 800), (60, 400), (180, 400))
    rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    text = "\r\n".join(";".join([*row[:-1], {"1": "TRUE", "0": "false"}.get(row[-1], row[-1])]) for row in rows)
    file.write_bytes(b"\xef\xbb\xbf" + text.encode("cp1251"))
    _, result = evaluate(file, tmp_path, tmp_path / "pilots")
    assert (result.offer_churned_clients, result.control_churned_clients) == (60, 180)
