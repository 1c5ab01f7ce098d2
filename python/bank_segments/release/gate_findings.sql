-- Each measured value beside its limits; $1 is whether drift is allowed. `stop` and `warn` begin above their limit, not
-- at it; a missing limit is never exceeded.
with measured as (
    select 'rejected_share' as kind, '' as subject, rejected_rows / nullif(read_rows, 0) as value, '' as note
    from bank.quality.row_counts
    union all
    from moves
)

select
    kind,
    subject,
    value,
    warn_above,
    stop_above,
    case
        when kind = 'rejected_share' and value is null then 'stop'
        when value is null then 'none'
        when value > stop_above then if($1 and kind <> 'rejected_share', 'allowed', 'stop')
        when value > warn_above then 'warn'
        else 'pass'
    end as outcome,
    note
from measured inner join bank.reference.gate_limits using (kind)
order by kind <> 'rejected_share', kind, subject
