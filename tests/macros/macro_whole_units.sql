select *
from (
    values
    (cast('1000.50' as decimal(18, 2)), 100050),
    (cast('0.01' as decimal(18, 2)), 1),
    (cast('-0.29' as decimal(18, 2)), -29),
    (cast('999999999.99' as decimal(18, 2)), 99999999999),
    (null, null)
) as cases (money, kopecks)
where
    {{ whole_units('money', 'money') }} is distinct from kopecks
    or {{ whole_units('kopecks', 'integer') }} is distinct from kopecks
    or {{ whole_units('money', 'number') }} is distinct from 100 * kopecks
    or {{ whole_units('money > 0', 'flag') }} is distinct from if(kopecks is null, null, if(kopecks > 0, 1, 0))
    or '{{ unit_name('money') }} {{ unit_name('number') }} {{ unit_name('integer') }}'
    <> 'kopecks_total ten_thousandths_total total'
    or {{ units_per_one('money') }} <> 100
    or {{ units_per_one('integer') }} <> 1
