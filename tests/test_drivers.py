"""Drivers of churn: the fit on cells against a regression of one row a client, and every count against a loop.

Of the clients of a made-up bank a client is one row, as an analyst without the project would hold them.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats
from statsmodels.discrete.discrete_model import Logit
from statsmodels.stats.multitest import multipletests

from bank_segments import drivers
from bank_segments.marts import rows
from bank_segments.statistics import Reason
from conftest import rows_in

TRAITS = ("city", "is_loyal", "products")


def cells_of(clients: pd.DataFrame) -> pd.DataFrame:
    """The cells of clients in rows; `is_churned` is 0 or 1, every other column a trait."""
    traits = [column for column in clients if column != "is_churned"]
    counted = clients.groupby(traits, dropna=False)["is_churned"].agg(clients="size", churned_clients="sum")
    frame = counted.reset_index().astype(dict.fromkeys(traits, object))
    frame = frame.assign(segment_ids="", cell_id=range(len(frame)))
    return drivers.cells_of(rows(frame))


def bank(size: int, seed: int) -> pd.DataFrame:
    """Clients whose churn depends on two of their three traits; city and loyalty go together."""
    random = np.random.default_rng(seed)
    city = random.choice(["a", "b", "c"], size, p=[0.5, 0.3, 0.2])
    loyal = random.random(size) < np.where(city == "a", 0.7, 0.3)
    products = random.choice(["1", "2", "3"], size)
    odds = -1.2 + 0.9 * (city == "b") - 1.1 * loyal + 0.02 * (products == "2")
    left = random.random(size) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "city": city,
            "is_loyal": np.where(loyal, "true", "false"),
            "products": products,
            "is_churned": left * 1,
        }
    )


@pytest.fixture(scope="module")
def clients() -> pd.DataFrame:
    """A bank of 800 clients."""
    return bank(800, seed=1)


@pytest.fixture(scope="module")
def effects(clients: pd.DataFrame) -> dict[tuple[str, str], drivers.EffectRow]:
    """Its effects, by trait and level."""
    return {(row.trait, row.level): row for row in drivers.effect_rows(cells_of(clients))}


def dummies(clients: pd.DataFrame, known: pd.DataFrame, *traits: str) -> pd.DataFrame:
    """A constant, and a column for each level of `known` but the most frequent of its trait."""
    columns = {"constant": np.ones(len(clients))}
    for trait in traits:
        for level in set(known[trait]) - {known[trait].mode()[0]}:
            columns[f"{trait}={level}"] = (clients[trait] == level) * 1.0
    return pd.DataFrame(columns)


def logit(clients: pd.DataFrame, *traits: str) -> Any:
    """The regression that an analyst runs on the rows."""
    return Logit(clients["is_churned"], dummies(clients, clients, *traits)).fit(disp=False, tol=1e-12)


def test_effects_against_a_regression_on_the_rows(
    clients: pd.DataFrame, effects: dict[tuple[str, str], drivers.EffectRow]
) -> None:
    fit = logit(clients, *TRAITS)
    tested = {key: row for key, row in effects.items() if not row.is_reference}
    assert set(effects) - set(tested) == {(trait, clients[trait].mode()[0]) for trait in TRAITS}
    for (trait, level), row in tested.items():
        name = f"{trait}={level}"
        assert row.odds_ratio_adjusted == pytest.approx(math.exp(fit.params[name]), rel=1e-7)
        low, high = np.exp(fit.conf_int().loc[name])
        assert row.odds_ratio_adjusted_low == pytest.approx(low, rel=1e-6)
        assert row.odds_ratio_adjusted_high == pytest.approx(high, rel=1e-6)
        assert row.p_value == pytest.approx(fit.pvalues[name], rel=1e-6)
    adjusted = multipletests([row.p_value for row in tested.values()], method="fdr_bh")[1]
    assert [row.p_value_adjusted for row in tested.values()] == pytest.approx(list(adjusted))


def test_standardised_rates_against_predictions_of_the_rows(
    clients: pd.DataFrame, effects: dict[tuple[str, str], drivers.EffectRow]
) -> None:
    """Every client is given the level; the interval from coefficients drawn from their distribution."""
    fit = logit(clients, *TRAITS)
    draws = np.random.default_rng(5).multivariate_normal(fit.params, fit.cov_params(), size=4000)
    for (trait, level), row in effects.items():
        given = dummies(clients.assign(**{trait: level}), clients, *TRAITS)
        assert row.standardised_churn_rate == pytest.approx(fit.predict(given).mean(), rel=1e-6)
        drawn = (1 / (1 + np.exp(-given.to_numpy() @ draws.T))).mean(axis=0)
        low, high = np.quantile(drawn, [0.025, 0.975])
        assert row.standardised_churn_rate_low == pytest.approx(low, abs=0.01)
        assert row.standardised_churn_rate_high == pytest.approx(high, abs=0.01)


def test_traits_against_nested_regressions_and_scipy(clients: pd.DataFrame) -> None:
    whole = logit(clients, *TRAITS)
    rows = drivers.trait_rows(cells_of(clients), samples=2000, seed=7)
    adjusted = multipletests([row.p_value for row in rows], method="fdr_bh")[1]
    assert [row.p_value_adjusted for row in rows] == pytest.approx(list(adjusted))
    for row in rows:
        assert row.compared_clients == len(clients)
        without = logit(clients, *(trait for trait in TRAITS if trait != row.trait))
        assert row.likelihood_ratio == pytest.approx(2 * (whole.llf - without.llf), rel=1e-6, abs=1e-6)
        freedom = clients[row.trait].nunique() - 1
        assert row.degrees_of_freedom == freedom
        assert row.p_value == pytest.approx(stats.chi2.sf(2 * (whole.llf - without.llf), freedom), rel=1e-5)
        table = pd.crosstab(clients[row.trait], clients["is_churned"])
        assert row.cramers_v == pytest.approx(stats.contingency.association(table, correction=False))
        levels, outcomes = pd.factorize(clients[row.trait])[0], clients["is_churned"].to_numpy()
        assert row.information_value == pytest.approx(information(levels, outcomes), rel=1e-12)
        # The interval from clients drawn again one by one, with other random numbers.
        random = np.random.default_rng(11)
        draws = random.integers(0, len(clients), (400, len(clients)))
        drawn = [information(levels[draw], outcomes[draw]) for draw in draws]
        low, high = np.quantile(drawn, [0.025, 0.975])
        assert row.information_value_low == pytest.approx(low, abs=0.02)
        assert row.information_value_high == pytest.approx(high, abs=0.05)


def information(levels: npt.NDArray[np.int64], is_churned: npt.NDArray[np.int64]) -> float:
    """The information value by its definition, of clients one by one."""
    counts = np.bincount(2 * levels + is_churned).reshape(-1, 2) + 0.5
    stayed, left = (counts / counts.sum(axis=0)).T
    return float(((left - stayed) * np.log(left / stayed)).sum())


def reasons(clients: pd.DataFrame) -> dict[tuple[str, str], str | None]:
    """Why each level has no effect; None where it has one, or is compared with."""
    return {(row.trait, row.level): row.reason_code for row in drivers.effect_rows(cells_of(clients))}


def test_what_cannot_be_estimated_says_why_and_leaves_the_rest(clients: pd.DataFrame) -> None:
    """All who have four products left; a region holds two of the cities, so that cities determine it."""
    four = pd.DataFrame({"city": "b", "is_loyal": "true", "products": "4", "is_churned": 1}, index=range(30))
    odd = pd.concat([clients, four], ignore_index=True).assign(only="x")
    odd["region"] = np.where(odd["city"] == "a", "north", "south")
    found = {(row.trait, row.level): row for row in drivers.effect_rows(cells_of(odd))}
    assert found["products", "4"].reason_code == Reason.SEPARATED
    assert found["only", "x"].reason_code == Reason.NO_VARIATION
    assert {found["region", level].reason_code for level in ("north", "south")} == {Reason.NO_VARIATION}
    fit = logit(clients, *TRAITS)
    for name, value in fit.params.drop("constant").items():
        trait, level = str(name).split("=")
        assert found[trait, level].odds_ratio_adjusted == pytest.approx(math.exp(value), rel=1e-7)


def test_levels_separated_only_together_have_no_effect() -> None:
    """In each level some left and some stayed; but with a and loyal all, with b and not loyal none: no finite odds."""
    outcomes = {
        ("a", "no"): [1] * 3 + [0] * 5,
        ("a", "yes"): [1] * 6,
        ("b", "no"): [0] * 5,
        ("b", "yes"): [0, 1, 1],
    }
    clients = [(*levels, left) for levels, outcome in outcomes.items() for left in outcome]
    found = reasons(pd.DataFrame(clients, columns=["city", "loyal", "is_churned"]))
    assert found == {
        ("city", "a"): None,
        ("city", "b"): Reason.NOT_ESTIMABLE,
        ("loyal", "no"): None,
        ("loyal", "yes"): Reason.NOT_ESTIMABLE,
    }


@pytest.mark.parametrize("outcome", [0, 1])
def test_one_outcome_gives_reasons_and_no_figures(clients: pd.DataFrame, outcome: int) -> None:
    same = clients.assign(is_churned=outcome)
    assert set(reasons(same).values()) == {Reason.SEPARATED}
    for row in drivers.trait_rows(cells_of(same), samples=100, seed=1):
        assert row == drivers.TraitRow(trait=row.trait)


def test_a_client_without_a_value_stays_out_of_the_regression_alone(clients: pd.DataFrame) -> None:
    gaps = clients.copy()
    gaps.loc[:99, "products"] = None
    found = {(row.trait, row.level): row for row in drivers.effect_rows(cells_of(gaps))}
    fit = logit(clients.iloc[100:], *TRAITS)
    assert found["city", "b"].odds_ratio_adjusted == pytest.approx(math.exp(fit.params["city=b"]), rel=1e-7)


def test_the_levels_add_up_to_the_traits_information_value(sample_warehouse: Path) -> None:
    values = rows_in(
        sample_warehouse,
        "select any_value(drivers.information_value), sum(levels.information_value)"
        " from marts.fct_churn_drivers as drivers inner join marts.fct_churn_driver_levels as levels using (trait)"
        " group by trait",
    )
    assert len(values) == 7
    for whole, parts in values:
        assert whole == pytest.approx(parts, rel=1e-12)
