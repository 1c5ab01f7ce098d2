-- What moved since the release attached as `previous`: the number of clients, their levels of each trait, the verdicts.
create temp table moves as
with limits as (
    select
        coalesce(max(smallest_share::double), 1) as smallest_share,
        coalesce(max(fewest_clients::bigint), 1) as fewest_clients
    from bank.reference.gate_limits
    where kind = 'drift'
),

levels as (
    select
        coalesce(now.trait, before.trait) as trait,
        coalesce(now.level, before.level) as level,
        fewest_clients,
        now.clients as clients,
        before.clients as clients_before,
        now.band_definition as bands,
        before.band_definition as bands_before,
        greatest(coalesce(now.share_of_clients, 0), smallest_share) as share,
        greatest(coalesce(before.share_of_clients, 0), smallest_share) as share_before
    from bank.quality.trait_distribution as now
    full join previous.quality.trait_distribution as before on now.trait = before.trait and now.level = before.level
    cross join limits
),

traits as (
    select
        trait,
        case
            when count(clients_before) = 0 then 'only_now'
            when count(clients) = 0 then 'only_before'
            when max(bands) is distinct from max(bands_before) then 'redefined'
            when least(sum(clients), sum(clients_before)) < any_value(fewest_clients) then 'few_clients'
            else ''
        end as note,
        sum((share - share_before) * ln(share / share_before) order by level) as stability_index
    from levels
    group by trait
)

select
    'client_count_change' as kind,
    '' as subject,
    abs(now.accepted_rows / nullif(before.accepted_rows, 0) - 1) as value,
    if(before.accepted_rows = 0, 'few_clients', '') as note
from bank.quality.row_counts as now cross join previous.quality.row_counts as before
union all
select 'drift', trait, if(note = '', stability_index, null), note from traits
union all
select 'verdict_change', hypothesis_id, count_if(now.conclusion <> before.conclusion), ''
from bank.marts.fct_hypothesis_results as now
inner join previous.marts.fct_hypothesis_results as before using (hypothesis_id, population)
where now.is_primary and before.is_primary
group by hypothesis_id
