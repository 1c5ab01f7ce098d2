with

cases as (

    select *
    from (
        values
        (cast('1000.50' as decimal(18, 2)), 100050),
        (cast('0.01' as decimal(18, 2)), 1),
        (cast('-0.29' as decimal(18, 2)), -29),
        (cast('999999999.99' as decimal(18, 2)), 99999999999),
        (null, null)
    ) as cases (money, expected_kopecks)

),

actual as (

    select
        *,
        {{ whole_units('money', 'money') }} as actual_kopecks,
        {{ whole_units('expected_kopecks', 'integer') }} as actual_units,
        {{ whole_units('money', 'number') }} as actual_ten_thousandths,
        {{ whole_units('money > 0', 'flag') }} as actual_flag,
        '{{ unit_name('money') }} {{ unit_name('number') }} {{ unit_name('integer') }}' as actual_names,
        {{ units_per_one('money') }} as actual_kopecks_per_ruble,
        {{ units_per_one('integer') }} as actual_units_per_one
    from cases

)

select *
from actual
where
    actual_kopecks is distinct from expected_kopecks
    or actual_units is distinct from expected_kopecks
    or actual_ten_thousandths is distinct from 100 * expected_kopecks
    or actual_flag is distinct from if(expected_kopecks is null, null, if(expected_kopecks > 0, 1, 0))
    or actual_names <> 'kopecks_total ten_thousandths_total total'
    or actual_kopecks_per_ruble <> 100
    or actual_units_per_one <> 1
