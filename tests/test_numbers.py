"""One contract for numbers: each number of the findings, in its place, is the cell of the mart that its key names.

The texts are read as a reader would: section by section, number by number. What has to stand there is selected from
the marts by DuckDB, without the code that writes the texts, so that a number too many, one too few and one from
another row all fail. Numbers in names and rules are cells, too: of the dimensions.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bank_segments.marts import read_marts
from bank_segments.outputs.charts import chart_style, figures
from bank_segments.outputs.conclusions import conclusions
from bank_segments.words import LANGUAGES, Language
from conftest import rows_in
from output_cases import mismatches, printed
from test_charts import NAMES as CHARTS

# What the queries share: `$l` is the language, 95 the level of every interval (the project's variable interval_z).
MACROS = """
    create temp macro shown_p(p) as greatest(least(p, 0.999), 0.001);  -- never written as 0 or 1
    create temp macro ends(low, high) as [95, 100 * low, 100 * high];
    create temp macro bank_rate() as (select 100 * churn_rate from quality.row_counts);
    create temp macro traits_of(candidate) as (
        array(
            select label_$l
            from marts.fct_segment_candidate_conditions inner join marts.dim_trait_levels using (trait, level)
            where candidate_id = candidate
            order by trait_sort_order
        )
    );
    create temp view numbers as (select * from marts.dim_traits where kind = 'number');
    create temp view categories as (select * from marts.dim_traits where kind = 'category');
    create temp view tests as (
        select
            results.*,
            null_$l as null_hypothesis,
            if(kind = 'mean', 1, 100) as scale,
            row_number() over (
                order by hypotheses.sort_order, populations.sort_order, not is_primary, not has_primary_decision, test
            ) as place
        from marts.fct_hypothesis_results as results
        inner join marts.dim_hypotheses as hypotheses using (hypothesis_id)
        inner join marts.dim_populations as populations using (population)
    );
    create temp view proposals as (
        select proposals.*, name_$l, rule
        from marts.fct_retention_proposals as proposals inner join marts.dim_segments using (segment_id)
    );
    create temp view assumptions as (
        select *, if(unit_en = '%', 100, 1) as scale from marts.dim_assumptions
    );
"""

# What has to stand in each section of the findings, in their order: the cells of these queries, NULL is no cell.
SECTIONS = {
    "main findings": [
        """
        select
            finding_place, subject_$l, leavers, clients,
            if(finding_kind <> 'proposal', [100 * leaving_rate, 100 * bank_churn_rate], null), action_$l, command
        from marts.fct_findings
        order by finding_place
        """
    ],
    "input": [
        "select read_rows, accepted_rows, rejected_rows, churned_clients, accepted_rows, bank_rate()"
        " from quality.row_counts",
        "select clients from quality.client_notes order by note_rank",
    ],
    "leavers": [
        "select bank_rate()",
        """
        select
            label_$l, churned_clients, clients, 100 * churn_rate, ends(churn_rate_low, churn_rate_high), lift
        from marts.fct_churn_portrait inner join marts.dim_trait_levels using (trait, level)
        where standout_rank is not null
        order by standout_rank
        """,
        """
        select median, p25, p75
        from marts.fct_churn_portrait_numbers inner join numbers using (trait)
        order by sort_order, population = 'active'
        """,
    ],
    "drivers": [
        "select max(compared_clients) from marts.fct_churn_drivers",
        """
        select
            own.label_$l, other.label_$l, levels.odds_ratio_adjusted, 95, levels.odds_ratio_adjusted_low,
            levels.odds_ratio_adjusted_high, levels.odds_ratio, 100 * levels.standardised_churn_rate, levels.e_value,
            levels.e_value_limit
        from marts.fct_churn_driver_levels as levels
        inner join marts.dim_trait_levels as own using (trait, level)
        inner join marts.fct_churn_driver_levels as reference
            on levels.trait = reference.trait and reference.is_reference
        inner join marts.dim_trait_levels as other
            on reference.trait = other.trait and reference.level = other.level
        where levels.driver_rank is not null
        order by levels.driver_rank
        """,
        """
        select label_$l, churned_clients, clients, reason_$l
        from marts.fct_churn_driver_levels inner join marts.dim_trait_levels using (trait, level)
        where is_separated and not is_too_small
        order by trait_sort_order, sort_order
        """,
        """
        select information_value, 95, information_value_low, information_value_high
        from marts.fct_churn_drivers
        where is_distinguishable
        order by rank
        """,
    ],
    "products": [
        """
        select
            product_count, clients, active_clients, churned_clients, 100 * churn_rate,
            ends(churn_rate_low, churn_rate_high), if(active_clients = 0, churned_clients, null),
            array(
                select {'label': label_$l, 'share': 100 * share}
                from marts.fct_product_count_portrait as portrait
                inner join marts.dim_trait_levels using (trait, level)
                inner join categories using (trait)
                where portrait.product_count = counts.product_count and is_most_common
                order by categories.sort_order
            ),
            array(
                select [median, p25, p75]
                from marts.fct_product_count_portrait_numbers as portrait inner join numbers using (trait)
                where portrait.product_count = counts.product_count
                order by sort_order
            )
        from marts.fct_product_count_metrics as counts
        order by product_count
        """
    ],
    "segments": [
        """
        select
            description_$l, rule, clients, 100 * coverage, 100 * churn_rate,
            if(is_churn_set_by_rule, null, ends(churn_rate_low, churn_rate_high))
        from marts.fct_segment_metrics left join marts.dim_segments using (segment_id)
        order by segment_id = 'none', segment_id
        """
    ],
    "candidates": [
        """
        select
            traits_of(candidate_id), clients, 100 * coverage, 100 * churn_rate, ends(churn_rate_low, churn_rate_high),
            lift, 100 * share_of_churned, shown_p(p_value),
            (
                select 100 * found_share
                from marts.fct_segment_stability as stability
                where stability.candidate_id = candidates.candidate_id
            ),
            (
                select {
                    'shared': if(other_clients > 0, shared_clients, null), 'name': name_$l,
                    'others': nullif(other_clients, 0), 'rate': 100 * other_churn_rate
                }
                from marts.fct_segment_candidate_overlaps as shared inner join marts.dim_segments using (segment_id)
                where shared.candidate_id = candidates.candidate_id and overlap_rank = 1 and not is_too_small
            )
        from marts.fct_segment_candidates as candidates
        where finding_rank is not null
        order by finding_rank
        """,
        "select candidate_rank from marts.fct_segment_candidates where is_declared and candidate_rank > 0"
        " order by candidate_rank",
        "select 95",
        """
        select
            name_$l, 100 * stability.coverage, 100 * coverage_low, 100 * coverage_high, stability.lift, lift_low,
            lift_high, 100 * found_share, lift_hold_out
        from marts.fct_segment_stability as stability
        inner join marts.fct_segment_candidates as candidates using (candidate_id)
        where stability.lift is not null
        order by is_declared desc, finding_rank, candidate_id
        """,
    ],
    "hypotheses": [
        """
        select
            if(place = min(place) over (partition by hypothesis_id), null_hypothesis, null), first_group_clients,
            second_group_clients, reason_$l,
            case
                when conclusion <> 'not_tested'
                    then [
                        scale * first_group_estimate, scale * second_group_estimate, scale * difference,
                        100 * confidence_adjusted, scale * difference_low_adjusted, scale * difference_high_adjusted,
                        shown_p(p_value_adjusted), effect_size
                    ]
            end,
            case
                when conclusion = 'negligible'
                    then [95, scale * difference_low, scale * difference_high, scale * equivalence_margin]
                when conclusion in ('equivalent', 'inconclusive') and equivalence_p_value is not null
                    then [scale * equivalence_margin, shown_p(equivalence_p_value)]
            end,
            array(
                select shown_p(p_value_adjusted)
                from tests as others
                where
                    (others.hypothesis_id, others.population) = (tests.hypothesis_id, tests.population)
                    and not others.is_primary and others.has_primary_decision is not null
                order by others.place
            ),
            array(
                select shown_p(homogeneity_p_value)
                from tests as others
                where
                    (others.hypothesis_id, others.population) = (tests.hypothesis_id, tests.population)
                    and is_heterogeneous
            )
        from tests
        where is_primary
        order by place
        """
    ],
    "what changes between the populations": [],
    "where a verdict flips": [],
    "proposals": [
        """
        select
            name_$l, title_$l, rule, target_clients, expected_churned_clients, offer_$l, why_$l, lookalike_clients,
            lookalike_churned_clients, 100 * lookalike_churn_rate, bank_rate(), condition_$l
        from proposals
        order by proposal_rank
        """
    ],
    "economics": [
        """
        select
            proposals.name_$l, title_$l, central.value_of_kept_client, central.reason_$l,
            if(central.reason_$l is null, [100 * central.break_even_save_rate, 100 * central.save_rate], null),
            central.profit, low.profit, high.profit,
            assumptions.name_$l, scale * value_low, profit_low, scale * value_high, profit_high
        from proposals
        inner join (from marts.fct_retention_economics where scenario = 'central') as central using (proposal_id)
        inner join (from marts.fct_retention_economics where scenario = 'low') as low using (proposal_id)
        inner join (from marts.fct_retention_economics where scenario = 'high') as high using (proposal_id)
        inner join marts.fct_retention_sensitivity as ends
            on proposals.proposal_id = ends.proposal_id and sensitivity_rank = 1
        inner join assumptions using (assumption)
        order by proposal_rank
        """,
        "select name_$l, scale * central, scale * low, scale * high, source_$l from assumptions"
        " where central is not null order by sort_order",
    ],
    "pilots": [
        """
        select
            name_$l, title_$l, pilots.reason_$l,
            if(
                pilots.reason_$l is null,
                [
                    100 * save_rate_to_prove, 100 * offer_churn_rate, 100 * control_churn_rate, clients_per_arm,
                    100 * significance_level, 100 * power, duration_months, available_clients,
                    100 * smallest_detectable_save_rate, 100 * smallest_provable_save_rate
                ],
                null
            ),
            if(pilots.reason_$l is null, guard_metric_$l, null)
        from proposals inner join marts.fct_pilot_designs as pilots using (segment_id, proposal_id)
        order by proposal_rank
        """
    ],
    "limits": [
        "select product_count, active_clients from marts.fct_product_count_metrics where active_clients > 0"
        " order by active_clients limit 1",
        "select name_$l, clients from marts.fct_segment_metrics inner join marts.dim_segments using (segment_id)"
        " where clients > 0 order by clients limit 1",
        "select name_$l, rule from marts.dim_populations order by sort_order",
    ],
}

# The same of the titles of charts; those that are not here state no number.
TITLES = {
    "churn_by_trait": """
        select label_$l, 100 * churn_rate, bank_rate()
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
        inner join marts.fct_product_count_portrait as two using (trait, level, share_difference_rank)
        inner join marts.dim_trait_levels using (trait, level)
        where share_difference_rank = 1 and one.product_count < two.product_count
    """,
    "segments": """
        select name_$l, 100 * churn_rate, 100 * coverage
        from marts.fct_segment_metrics inner join marts.dim_segments using (segment_id)
        where churn_rate_rank = 1
    """,
    "segment_candidates": """
        select traits_of(candidate_id), 100 * coverage, 100 * churn_rate
        from marts.fct_segment_candidates
        where finding_rank = 1
    """,
}


def cells(file: Path, language: Language, *queries: str) -> list[tuple[Any, ...]]:
    """What some queries select in a warehouse or release."""
    return [row for query in queries for row in rows_in(file, f"{MACROS}{query}".replace("$l", language))]


def title_mismatches(titles: Mapping[str, str], file: Path, language: Language) -> dict[str, list[str]]:
    """Where the numbers of the titles of the charts are not their cells."""
    assert list(titles) == CHARTS
    wanted = {name: cells(file, language, *([TITLES[name]] if name in TITLES else [])) for name in titles}
    found = {name: mismatches(title, wanted[name], language) for name, title in titles.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", ["sample", "bank"])
def test_each_number_of_the_findings_is_the_cell_that_belongs_there(
    file: str, language: Language, request: pytest.FixtureRequest
) -> None:
    warehouse: Path = request.getfixturevalue(f"{file}_warehouse")
    marts = read_marts(warehouse)
    text = conclusions(marts, language, input_name="file.csv", is_synthetic=False)
    sections = text.split("\n## ")[1:]
    for section, queries in zip(sections, SECTIONS.values(), strict=True):
        assert mismatches(section, cells(warehouse, language, *queries), language) == [], section
    assert sum(len(printed(section, language)) for section in sections) > 300
    with chart_style():
        titles = {name: figure.get_suptitle() for name, figure in figures(marts, language).items()}
    assert title_mismatches(titles, warehouse, language) == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_finding_on_the_first_page_is_what_its_cells_say(language: Language, sample_release: Path) -> None:
    name = {"ru": "index.html", "en": "index.en.html"}[language]
    page = html.unescape((sample_release / name).read_text(encoding="utf-8"))
    marts = sample_release / "bank_marts.duckdb"
    titles = re.findall(r'<a href="charts/[^"]*">(.*?)</a>', page)
    assert title_mismatches(dict(zip(CHARTS, titles, strict=True)), marts, language) == {}
    (findings,) = re.findall(r'<ol class="findings">(.*?)</ol>', page, re.DOTALL)
    # The list numbers them itself.
    main = [finding[1:] for finding in cells(marts, language, *SECTIONS["main findings"])]
    assert len(main) == 3
    assert mismatches(re.sub("<.*?>", " ", findings), main, language) == []
