-- NaN and infinity pass through every comparison in a chart or a BI tool; a mart has NULL where there is no number.
{%- set marts = [
    'client_notes',
    'dim_assumptions',
    'dim_hypotheses',
    'fct_churn_driver_levels',
    'fct_churn_drivers',
    'fct_churn_portrait',
    'fct_churn_portrait_numbers',
    'fct_findings',
    'fct_hypothesis_effects',
    'fct_hypothesis_results',
    'fct_hypothesis_sensitivity',
    'fct_pilot_designs',
    'fct_pilot_power',
    'fct_product_count_metrics',
    'fct_product_count_portrait',
    'fct_product_count_portrait_numbers',
    'fct_retention_economics',
    'fct_retention_proposals',
    'fct_retention_sensitivity',
    'fct_segment_candidate_overlaps',
    'fct_segment_candidates',
    'fct_segment_metrics',
    'fct_segment_stability',
    'row_counts',
    'trait_distribution',
] %}

with

-- As JSON, where every column of a row is searched at once, and text is in quotes.
entries as (

    {%- for mart in marts %}
    select
        '{{ mart }}' as mart,
        {{ row_as_json(mart) }} as entry
    from {{ ref(mart) }} as {{ mart }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

)

select *
from entries
where {{ matches('entry', '":"?-?(NaN|Infinity)') }}
