"""One contract for numbers: each number of the findings, in its place, is the cell of the mart that its key names.

The texts are read as a reader would: section by section, number by number. What has to stand there is selected from
the marts by DuckDB, without the code that writes the texts, so that a number too many, one too few and one from
another row all fail. Numbers in names and rules are cells, too: of the dimensions.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from bank_segments.database import rows_of
from bank_segments.marts import read_marts
from bank_segments.outputs.charts import chart_style, figures
from bank_segments.outputs.conclusions import conclusions
from bank_segments.words import LANGUAGES, Language
from output_cases import printed
from test_charts import NAMES as CHARTS

Cells = Sequence[Any]
CONFIDENCE = 95  # every interval of the marts, by the project's variable interval_z

_CONDITIONS = """
    select label_$l
    from marts.fct_segment_candidate_conditions inner join marts.dim_trait_levels using (trait, level)
    where candidate_id = '{}'
    order by trait_sort_order
"""


@dataclass(frozen=True)
class Marts:
    """The marts of one warehouse, asked in one language."""

    connection: duckdb.DuckDBPyConnection
    language: Language

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query; `$l` stands for the language."""
        return self.connection.execute(query.replace("$l", self.language)).fetchall()

    def bank(self) -> tuple[int, int, float]:
        """The clients, those who left, and their percentage."""
        ((clients, churned),) = self.rows(
            "select count(*), count(*) filter (where is_churned) from marts.dim_clients"
        )
        return clients, churned, 100 * churned / clients

    def findings(self) -> Iterator[Cells]:
        """The main findings, and what to do about each."""
        for kind, place, *told, rate, bank, action, command in self.rows(
            """
            select
                finding_kind, finding_place, subject_$l, leavers, clients, 100 * leaving_rate, 100 * bank_churn_rate,
                action_$l, coalesce(command, '')
            from marts.fct_findings
            order by finding_place
            """
        ):
            yield place, *told, *(() if kind == "proposal" else (rate, bank)), action, command

    def input(self) -> Iterator[Cells]:
        """What was read."""
        yield from self.rows("select read_rows, accepted_rows, rejected_rows from quality.row_counts")
        clients, churned, rate = self.bank()
        yield churned, clients, rate
        yield from self.rows("select clients from quality.client_notes order by note_rank")

    def leavers(self) -> Iterator[Cells]:
        """Levels that stand out, then the medians of those who left and of those who stayed."""
        yield (self.bank()[2],)
        yield from self.rows(
            f"""
            select
                label_$l, churned_clients, clients, 100 * churn_rate, {CONFIDENCE}, 100 * churn_rate_low,
                100 * churn_rate_high, lift
            from marts.fct_churn_portrait inner join marts.dim_trait_levels using (trait, level)
            where standout_rank is not null
            order by standout_rank
            """
        )
        yield from self.rows(
            """
            select median, p25, p75
            from marts.fct_churn_portrait_numbers as portrait
            inner join marts.dim_traits as traits on traits.trait = portrait.trait and traits.kind = 'number'
            order by traits.sort_order, population = 'active'
            """
        )

    def drivers(self) -> Iterator[Cells]:
        """Levels with an effect, levels in which all or none left, and the traits' information values."""
        yield from self.rows(
            f"""
            select
                own.label_$l, other.label_$l, levels.odds_ratio_adjusted, {CONFIDENCE},
                levels.odds_ratio_adjusted_low, levels.odds_ratio_adjusted_high, levels.odds_ratio,
                100 * levels.standardised_churn_rate, levels.e_value, levels.e_value_limit
            from marts.fct_churn_driver_levels as levels
            inner join marts.dim_trait_levels as own using (trait, level)
            inner join marts.fct_churn_driver_levels as reference
                on levels.trait = reference.trait and reference.is_reference
            inner join marts.dim_trait_levels as other
                on reference.trait = other.trait and reference.level = other.level
            where levels.driver_rank is not null
            order by levels.driver_rank
            """
        )
        yield from self.rows(
            """
            select label_$l, churned_clients, clients, reason_$l
            from marts.fct_churn_driver_levels inner join marts.dim_trait_levels using (trait, level)
            where is_separated and not is_too_small
            order by trait_sort_order, sort_order
            """
        )
        yield from self.rows(
            f"""
            select information_value, {CONFIDENCE}, information_value_low, information_value_high
            from marts.fct_churn_drivers
            where is_distinguishable
            order by rank
            """
        )

    def products(self) -> Iterator[Cells]:
        """Every number of products: its rate, the most common levels, the medians."""
        for count, clients, active, churned, *rates in self.rows(
            f"""
            select
                product_count, clients, active_clients, churned_clients, 100 * churn_rate, {CONFIDENCE},
                100 * churn_rate_low, 100 * churn_rate_high
            from marts.fct_product_count_metrics
            order by product_count
            """
        ):
            yield count, clients, active, churned, *rates
            if not active:
                yield (churned,)
                continue
            yield from self.rows(
                f"""
                select label_$l, 100 * share
                from marts.fct_product_count_portrait as portrait
                inner join marts.dim_trait_levels using (trait, level)
                inner join marts.dim_traits as traits on traits.trait = portrait.trait and traits.kind = 'category'
                where product_count = {count} and is_most_common
                order by traits.sort_order
                """
            )
            yield from self.rows(
                f"""
                select median, p25, p75
                from marts.fct_product_count_portrait_numbers as portrait
                inner join marts.dim_traits as traits on traits.trait = portrait.trait and traits.kind = 'number'
                where product_count = {count}
                order by traits.sort_order
                """
            )

    def segments(self) -> Iterator[Cells]:
        """Every segment, then the clients in none."""
        for *told, is_set_by_rule, low, high in self.rows(
            """
            select
                coalesce(description_$l, ''), coalesce(rule, ''), clients, 100 * coverage, 100 * churn_rate,
                is_churn_set_by_rule, 100 * churn_rate_low, 100 * churn_rate_high
            from marts.fct_segment_metrics left join marts.dim_segments using (segment_id)
            order by segment_id = 'none', segment_id
            """
        ):
            yield told
            yield () if is_set_by_rule else (CONFIDENCE, low, high)

    def candidates(self) -> Iterator[Cells]:
        """What the search found, and the places of the declared segments."""
        for candidate, *cells, p_value in self.rows(
            f"""
            select
                candidate_id, clients, 100 * coverage, 100 * churn_rate, {CONFIDENCE}, 100 * churn_rate_low,
                100 * churn_rate_high, lift, 100 * share_of_churned, p_value
            from marts.fct_segment_candidates
            where finding_rank is not null
            order by finding_rank
            """
        ):
            yield [name for (name,) in self.rows(_CONDITIONS.format(candidate))]
            yield (*cells, shown_p(p_value))
            yield from self.rows(
                "select 100 * found_share from marts.fct_segment_stability"
                f" where candidate_id = '{candidate}' and found_share is not null"
            )
            yield from self.rows(
                "select shared_clients, name_$l from marts.fct_segment_candidate_overlaps"
                " inner join marts.dim_segments using (segment_id)"
                f" where candidate_id = '{candidate}' and overlap_rank = 1 and not is_too_small"
            )
        yield from self.rows(
            "select candidate_rank from marts.fct_segment_candidates where is_declared and candidate_rank > 0"
            " order by candidate_rank"
        )
        yield (CONFIDENCE,)
        for name, *cells in self.rows(
            """
            select
                name_$l, 100 * stability.coverage, 100 * coverage_low, 100 * coverage_high, stability.lift, lift_low,
                lift_high, 100 * found_share, lift_hold_out
            from marts.fct_segment_stability as stability
            inner join marts.fct_segment_candidates as candidates using (candidate_id)
            where stability.lift is not null
            order by is_declared desc, finding_rank, candidate_id
            """
        ):
            yield name, *(cell for cell in cells if cell is not None)

    def hypotheses(self) -> Iterator[Cells]:
        """Every primary test in every population, with what its conclusion rests on, and the other tests."""
        query = """
            select results.*, kind, null_$l as null_hypothesis
            from marts.fct_hypothesis_results as results
            inner join marts.dim_hypotheses using (hypothesis_id)
            inner join marts.dim_populations as populations using (population)
            order by dim_hypotheses.sort_order, populations.sort_order, not is_primary, test
        """
        rows = rows_of(self.connection, query.replace("$l", self.language))
        told = ""
        for row in (row for row in rows if row["is_primary"]):
            if row["hypothesis_id"] != told:
                told = row["hypothesis_id"]
                yield (row["null_hypothesis"],)
            yield row["first_group_clients"], row["second_group_clients"]
            if row["conclusion"] == "not_tested":
                yield (row[f"reason_{self.language}"],)
                continue
            yield from self.result(row)
            for is_same in (True, False):
                yield [
                    shown_p(other["p_value_adjusted"])
                    for other in rows
                    if (other["hypothesis_id"], other["population"])
                    == (row["hypothesis_id"], row["population"])
                    and not other["is_primary"]
                    and other["has_primary_decision"] is is_same
                ]

    def result(self, row: dict[str, Any]) -> Iterator[Cells]:
        """One test and what its conclusion rests on."""
        scale = 1 if row["kind"] == "mean" else 100
        yield [scale * row[name] for name in ("first_group_estimate", "second_group_estimate", "difference")]
        yield (
            100 * row["confidence_adjusted"],
            *(scale * row[f"difference_{end}_adjusted"] for end in ("low", "high")),
        )
        yield shown_p(row["p_value_adjusted"]), row["effect_size"]
        margin = scale * row["equivalence_margin"]
        if row["conclusion"] == "negligible":
            yield CONFIDENCE, scale * row["difference_low"], scale * row["difference_high"], margin
        elif row["conclusion"] != "different" and row["equivalence_p_value"] is not None:
            yield margin, shown_p(row["equivalence_p_value"])

    def proposals(self) -> Iterator[Cells]:
        """Whom, what and why."""
        rate = self.bank()[2]
        yield from (
            (*row, rate, condition)
            for *row, condition in self.rows(
                """
                select
                    name_$l, title_$l, rule, target_clients, expected_churned_clients, offer_$l, why_$l,
                    lookalike_clients, lookalike_churned_clients, 100 * lookalike_churn_rate, condition_$l
                from marts.fct_retention_proposals inner join marts.dim_segments using (segment_id)
                order by proposal_rank
                """
            )
        )

    def economics(self) -> Iterator[Cells]:
        """When each proposal pays, and what is assumed."""
        for *named, worth, pays_from, assumed, reason, profit, low, high in self.rows(
            """
            select
                name_$l, title_$l, central.value_of_kept_client, 100 * central.break_even_save_rate,
                100 * central.save_rate, central.reason_$l, central.profit, low.profit, high.profit
            from marts.fct_retention_proposals as proposals
            inner join marts.dim_segments using (segment_id)
            inner join marts.fct_retention_economics as central using (proposal_id)
            inner join marts.fct_retention_economics as low using (proposal_id)
            inner join marts.fct_retention_economics as high using (proposal_id)
            where (low.scenario, central.scenario, high.scenario) = ('low', 'central', 'high')
            order by proposal_rank
            """
        ):
            yield (*named, worth, *((reason,) if reason else (pays_from, assumed)), profit, low, high)
            yield from self.rows(
                f"""
                select
                    name_$l, value_low * case unit_en when '%' then 100 else 1 end, profit_low,
                    value_high * case unit_en when '%' then 100 else 1 end, profit_high
                from marts.fct_retention_sensitivity inner join marts.dim_assumptions using (assumption)
                inner join marts.fct_retention_proposals using (proposal_id)
                where sensitivity_rank = 1 and title_$l = '{named[1]}'
                """
            )
        yield from self.rows(
            """
            select name_$l, central * times, low * times, high * times, source_$l
            from (select *, case unit_en when '%' then 100 else 1 end as times from marts.dim_assumptions)
            where central is not null
            order by sort_order
            """
        )

    def pilots(self) -> Iterator[Cells]:
        """What it takes to prove each proposal, or why there is nothing to prove."""
        for *named, reason, detectable, guard, needed in self.rows(
            """
            select
                name_$l, title_$l, fct_pilot_designs.reason_$l, 100 * smallest_detectable_save_rate, guard_metric_$l,
                [
                    100 * save_rate_to_prove, 100 * offer_churn_rate, 100 * control_churn_rate, clients_per_arm,
                    100 * significance_level, 100 * power, duration_months, available_clients
                ]
            from marts.fct_retention_proposals as proposals
            inner join marts.dim_segments using (segment_id)
            inner join marts.fct_pilot_designs using (segment_id, proposal_id)
            order by proposal_rank
            """
        ):
            told = (reason,) if reason else (*needed, *([detectable] if detectable else []), guard)
            yield *named, *told

    def limits(self) -> Iterator[Cells]:
        """The smallest groups, and the rules of the populations."""
        yield from self.rows(
            "select product_count, active_clients from marts.fct_product_count_metrics where active_clients > 0"
            " order by active_clients limit 1"
        )
        yield from self.rows(
            "select name_$l, clients from marts.fct_segment_metrics inner join marts.dim_segments using (segment_id)"
            " where clients > 0 order by clients limit 1"
        )
        yield from self.rows("select name_$l, rule from marts.dim_populations order by sort_order")

    def titles(self) -> dict[str, list[Cells]]:
        """What the titles of the charts state."""
        first = {
            "churn_by_trait": f"""
                select label_$l, 100 * churn_rate, {self.bank()[2]!r}
                from marts.fct_churn_portrait inner join marts.dim_trait_levels using (trait, level)
                where standout_rank = 1
            """,
            "leavers_portrait": """
                select label_$l, 100 * share_of_churned, 100 * share_of_active
                from marts.fct_churn_portrait inner join marts.dim_trait_levels using (trait, level)
                where share_difference_rank = 1
            """,
            "product_count_portraits": """
                select label_$l, one.product_count, 100 * one.share, two.product_count, 100 * two.share
                from marts.fct_product_count_portrait as one
                inner join marts.fct_product_count_portrait as two
                    using (trait, level, share_difference_rank)
                inner join marts.dim_trait_levels using (trait, level)
                where share_difference_rank = 1 and one.product_count < two.product_count
            """,
            "churn_drivers": "select label_$l from marts.dim_trait_levels where false",
            "segments": """
                select name_$l, 100 * churn_rate, 100 * coverage
                from marts.fct_segment_metrics inner join marts.dim_segments using (segment_id)
                where churn_rate_rank = 1
            """,
        }
        found: dict[str, list[Cells]] = {name: [*self.rows(query)] for name, query in first.items()}
        candidates = self.rows(
            "select candidate_id, 100 * coverage, 100 * churn_rate from marts.fct_segment_candidates"
            " where finding_rank = 1"
        )
        found["segment_candidates"] = [
            (*(name for (name,) in self.rows(_CONDITIONS.format(candidate))), *cells)
            for candidate, *cells in candidates
        ]
        found |= {"hypotheses_forest": [], "retention_tornado": [], "pilot_power": []}
        return {name: found[name] for name in CHARTS}


def shown_p(value: float) -> float:
    """A p-value is never written as 0 or 1."""
    return min(max(value, 0.001), 0.999)


def flat(cells: Iterable[Cells], language: Language) -> list[float]:
    """The numbers of some cells in their order, those in names included."""
    found: list[float] = []
    for row in cells:
        for cell in row:
            if isinstance(cell, str):
                grouped = re.sub(r"(?<=\d) (?=\d{3})", "\u00a0", cell)
                found += [value for value, _ in printed(grouped, language)]
            else:
                found.append(float(cell))
    return found


def mismatches(text: str, cells: Iterable[Cells], language: Language) -> list[str]:
    """Where the numbers of a text are not those cells, rounded as they are printed."""
    shown, wanted = printed(text, language), flat(cells, language)
    if len(shown) != len(wanted):
        return [f"{len(shown)} numbers for {len(wanted)} cells: {shown} {wanted}"]
    return [
        f"{value} for {cell}"
        for (value, decimals), cell in zip(shown, wanted, strict=True)
        if abs(value - cell) > 0.5 * 10.0**-decimals * (1 + 1e-9) + 1e-9
    ]


# The sections of the findings, in their order.
SECTIONS: tuple[Callable[[Marts], Iterable[Cells]], ...] = (
    *(Marts.findings, Marts.input, Marts.leavers, Marts.drivers, Marts.products, Marts.segments),
    # What changes between the populations and where a verdict flips is said without numbers.
    *(Marts.candidates, Marts.hypotheses, lambda _: (), lambda _: (), Marts.proposals),
    *(Marts.economics, Marts.pilots, Marts.limits),
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", ["sample", "bank"])
def test_each_number_of_the_findings_is_the_cell_that_belongs_there(
    file: str, language: Language, request: pytest.FixtureRequest
) -> None:
    warehouse: Path = request.getfixturevalue(f"{file}_warehouse")
    frames = read_marts(warehouse)
    text = conclusions(frames, language, input_name="file.csv", is_synthetic=False)
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    with chart_style():
        titles = {name: figure.get_suptitle() for name, figure in figures(frames, language).items()}
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        marts = Marts(connection, language)
        for section, cells in zip(sections, SECTIONS, strict=True):
            assert mismatches(section, cells(marts), language) == [], section.splitlines()[0]
        assert sum(len(printed(section, language)) for section in sections) > 300
        wanted = marts.titles()
        assert list(titles) == list(wanted)
        for name, title in titles.items():
            assert mismatches(title, wanted[name], language) == [], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_finding_on_the_first_page_is_what_its_cells_say(
    language: Language, sample_release: Path
) -> None:
    page = (sample_release / {"ru": "index.html", "en": "index.en.html"}[language]).read_text(
        encoding="utf-8"
    )
    titles = re.findall(r'<a href="charts/[^"]*">(.*?)</a>', page)
    (findings,) = re.findall(r'<ol class="findings">(.*?)</ol>', page, re.DOTALL)
    with duckdb.connect(str(sample_release / "bank_marts.duckdb"), read_only=True) as connection:
        main = [cells[1:] for cells in Marts(connection, language).findings()]
        assert len(main) == 3
        assert mismatches(html.unescape(re.sub("<.*?>", " ", findings)), main, language) == []
        wanted = Marts(connection, language).titles()
        assert len(titles) == len(wanted)
        for title, (name, cells) in zip(titles, wanted.items(), strict=True):
            assert mismatches(html.unescape(title), cells, language) == [], name
