-- What no test of one register sees: the view `contradictions`, a row for each with the register, its column, the line
-- and what is wrong there. Each register is a table of its name with the number of the line; `currencies` has the codes
-- of ISO 4217, `columns_of_all_banks` the names in every bank's columns.csv.
create view own_columns as
select column_name from columns where role <> 'ignored'
union
select 'has_' || column_name from columns where kind in ('integer', 'money', 'number') and not is_required
union
select column_name || '_band' from bands;

-- A line on a column that only another bank has is not applicable.
create view known_columns as
select unnest([column_name, 'has_' || column_name]) as column_name from columns_of_all_banks where column_name is not null
union
from own_columns;

-- Where a register names a column, which must be the bank's own or that of any bank, and a value of it.
create view mentions as
select 'traits' as register, 'trait' as place, line, trait as column_name, true as is_own, null as value_place, null as value
from traits
union all
select 'bands', 'column_name', line, column_name, true, null, null from bands
union all
select 'allowed_values', 'column_name', line, column_name, true, null, null from allowed_values
union all
select 'value_synonyms', 'column_name', line, column_name, true, 'value', value from value_synonyms
union all
select 'population_rules', 'column_name', line, column_name, true, 'value', value from population_rules
union all
select 'segment_rules', 'column_name', line, column_name, false, 'value', value from segment_rules
union all
select 'hypotheses', 'metric_column', line, metric_column, false, if(kind = 'proportion', 'success_value', null), success_value
from hypotheses
union all
select 'hypotheses', 'group_column', line, group_column, false, 'first_group', first_group from hypotheses
union all
select 'hypotheses', 'group_column', line, group_column, false, 'second_group', second_group from hypotheses
union all
select 'hypotheses', 'strata', line, unnest(string_split(strata, ' ')), false, null, null from hypotheses
union all
select 'pilots', 'arm_strata', line, unnest(string_split(arm_strata, ' ')), false, null, null from pilots;

create view two_meanings as
with codes as (
    select 'allowed_values' as register, 'value' as place, line, column_name, value as code, value from allowed_values
    union all
    select 'value_synonyms', 'raw_value', line, column_name, raw_value, value from value_synonyms
)
select
    register,
    place,
    codes.line,
    code || ' of ' || column_name || ' means '
    || if(kind = 'flag', 'both yes and no', first(value) over same_code || ' and ' || value) || '; leave one' as told
from codes
left join columns using (column_name)
window same_code as (partition by column_name, lower(code) order by register, codes.line)
qualify value <> first(value) over same_code;

-- Which figures the regression and the search can work with.
create view settings as
with figures as (
    select 'driver_settings' as register, line, columns(* exclude line)::double from driver_settings
    union all by name
    select 'segment_search' as register, line, columns(* exclude (line, target))::double from segment_search
)
from figures
unpivot include nulls (value for place in (columns(* exclude (register, line))));

create view limits as
select *
from (
    values
        ('driver_settings', 'false_discovery_rate', 0, 1),
        ('driver_settings', 'rare_outcome_below', 0, 1),
        ('driver_settings', 'bootstrap_samples', 100, 100_000),
        ('driver_settings', 'random_seed', 0, 2_147_483_647),
        ('segment_search', 'smallest_depth', 1, 5),
        ('segment_search', 'largest_depth', 1, 5),
        ('segment_search', 'smallest_coverage', 0, 1),
        ('segment_search', 'family_wise_error', 0, 1),
        ('segment_search', 'largest_overlap', 0, 1),
        ('segment_search', 'kept_candidates', 0, 2_147_483_647),
        ('segment_search', 'permutations', 99, 100_000),
        ('segment_search', 'bootstrap_samples', 100, 100_000),
        ('segment_search', 'hold_out_splits', 1, 1_000),
        ('segment_search', 'random_seed', 0, 2_147_483_647)
) as limits (register, place, smallest, largest);

create view fitting_tests as
select *
from (
    values
        ('mean', 'welch_t'),
        ('mean', 'mann_whitney_u'),
        ('mean', 'brunner_munzel'),
        ('rank', 'mann_whitney_u'),
        ('rank', 'brunner_munzel'),
        ('proportion', 'two_proportion_z'),
        ('proportion', 'fisher_exact'),
        ('proportion', 'cochran_mantel_haenszel')
) as fitting (kind, test);

create view contradictions as
select
    'columns' as register,
    'role' as place,
    line,
    'a second column has the role ' || role || '; give it another, such as trait' as told
from columns
where role in ('id', 'outcome', 'product_count', 'split')
qualify row_number() over (partition by role order by line) > 1
union all
select 'columns', 'role', 1, 'no column has the role ' || role || '; every bank has one'
from (values ('id'), ('outcome')) as needed (role)
where role not in (select role from columns)
union all
select 'columns', 'column_name', line, 'the ' || role || ' is called ' || name || ' at every bank, not ' || column_name
from columns
inner join (values ('id', 'client_id'), ('outcome', 'is_churned'), ('product_count', 'product_count'))
    as fixed (role, name) using (role)
where column_name <> name and role not in (select role from columns group by role having count(*) > 1)
union all
select register, place, line, name || ' may have small Latin letters, digits and _ alone, a letter first'
from (
    select 'columns' as register, 'column_name' as place, line, column_name as name from columns
    union all
    select 'segments', 'segment_id', line, segment_id from segments
    union all
    select 'proposals', 'proposal_id', line, proposal_id from proposals
    union all
    select 'populations', 'population', line, population from populations
    union all
    select 'hypotheses', 'hypothesis_id', line, hypothesis_id from hypotheses
)
where not regexp_full_match(name, '[a-z][a-z0-9_]*')
union all
select 'segment_rules', 'value', max(line), 'nobody can meet all that ' || segment_id || ' says of ' || column_name
from segment_rules
group by segment_id, column_name
having
    count(distinct value) filter (where operator = '=') > 1
    or max(try_cast(value as double)) filter (where operator in ('>', '>='))
    > min(try_cast(value as double)) filter (where operator in ('<', '<='))
union all
select 'columns', 'kind', line, 'a column that is loaded must have a kind'
from columns
where role <> 'ignored' and kind is null
union all
-- Without its line the models take the bank for one that has no such column.
select 'traits', 'trait', 1, 'lacks the line ' || name || ',' || kind || ' of what columns.csv has'
from (
    select column_name as name, 'number' as kind from columns where column_name = 'balance' and role = 'trait'
    union all
    select column_name, 'category' from columns where role in ('split', 'product_count')
)
where (name, kind) not in (select (trait, kind) from traits)
union all
select 'columns', 'minimum', line, 'the minimum must not be above the maximum'
from columns
where minimum > maximum
union all
from two_meanings
union all
select
    'bands',
    'lower_bound',
    line,
    'the band from ' || coalesce(lower_bound::varchar, 'below') || ' of ' || column_name
    || ' does not begin where the last ends'
from bands
window up as (partition by column_name order by line)
qualify
    (lower_bound is distinct from lag(upper_bound) over up and row_number() over up > 1)
    or lower_bound >= upper_bound
union all
select 'bands', 'upper_bound', line, 'the first band of ' || column_name || ' has no lower bound, the last no upper one'
from bands
where column_name in (select column_name from columns where kind not in ('category', 'flag'))
window up as (partition by column_name order by line)
qualify (lower_bound is null) <> (row_number() over up = 1) or (upper_bound is null) <> (lead(line) over up is null)
union all
select 'bands', 'column_name', bands.line, column_name || ' is no number'
from bands
inner join columns using (column_name)
where kind in ('category', 'flag')
union all
select 'bands', if(lower_bound < minimum, 'lower_bound', 'upper_bound'), bands.line, 'must lie within the bounds in columns.csv'
from bands
inner join columns using (column_name)
where lower_bound < minimum or upper_bound > maximum
union all
select 'bank', 'currency', line, currency || ' is no currency of ISO 4217'
from bank
where currency not in (from currencies)
union all
select register, place, line, 'no bank has a column ' || column_name || '; columns.csv names those there are'
from mentions
where not is_own and column_name not in (from known_columns)
union all
select register, place, line, 'columns.csv has no ' || column_name || '; correct the name'
from mentions
where is_own and column_name not in (from own_columns)
union all
select
    register,
    value_place,
    mentions.line,
    coalesce(
        value || ' is no value of ' || column_name
        || if(kind in ('integer', 'money', 'number'), ', see its bounds in columns.csv', ', see allowed_values.csv'),
        'must not be empty'
    )
from mentions
inner join own_columns using (column_name)
left join columns using (column_name)
where
    value_place is not null
    and not ends_with(column_name, '_band')
    and case
        when kind in ('integer', 'money', 'number')
            then not coalesce(try_cast(value as double) between minimum and maximum, false)
        when coalesce(kind, 'flag') in ('category', 'flag')
            then (column_name, value) not in (select (column_name, value) from allowed_values)
    end
union all
select register, 'operator', rules.line, operator || ' needs a number, which ' || column_name || ' is not'
from (
    select 'segment_rules' as register, line, column_name, operator from segment_rules
    union all
    select 'population_rules', line, column_name, operator from population_rules
) as rules
inner join columns using (column_name)
where operator in ('<', '<=', '>', '>=') and kind in ('category', 'flag')
union all
select 'allowed_values', 'value', allowed_values.line, column_name || ' is a flag: only true and false have labels'
from allowed_values
inner join columns using (column_name)
where kind = 'flag' and value not in ('true', 'false')
union all
select 'hypotheses', 'populations', line, 'populations.csv has no ' || population || '; correct the name'
from (select line, unnest(string_split(populations, ' ')) as population from hypotheses)
where population not in (select population from populations)
union all
select 'hypotheses', 'metric_column', hypotheses.line, metric_column || ' is no number, which a ' || hypotheses.kind || ' needs'
from hypotheses
inner join columns on column_name = metric_column
where hypotheses.kind <> 'proportion' and columns.kind in ('category', 'flag')
union all
select 'hypotheses', 'second_group', line, 'a group cannot be compared with itself'
from hypotheses
where first_group = second_group
union all
select 'hypotheses', 'hypothesis_id', line, hypothesis_id || ' must have one primary test in hypothesis_tests.csv'
from hypotheses
where (select count(*) from hypothesis_tests where hypothesis_id = hypotheses.hypothesis_id and is_primary) <> 1
union all
select 'hypotheses', 'alpha', line, 'must lie between 0 and 1'
from hypotheses
where not coalesce(alpha > 0 and alpha < 1, false)
union all
select 'hypothesis_tests', 'test', tests.line, test || ' does not test a ' || kind || '; ' || tests_of_kind || ' do'
from hypothesis_tests as tests
inner join hypotheses using (hypothesis_id)
inner join (select kind, string_agg(test, ', ') as tests_of_kind from fitting_tests group by kind) using (kind)
where (kind, test) not in (from fitting_tests)
union all
select 'hypothesis_tests', 'is_primary', tests.line, 'the primary test of a mean is welch_t'
from hypothesis_tests as tests
inner join hypotheses using (hypothesis_id)
where kind = 'mean' and is_primary and test <> 'welch_t'
union all
select 'hypothesis_tests', 'equivalence_margin', line, 'must lie between 0 and ' || largest
from (
    select *, if(test in ('mann_whitney_u', 'brunner_munzel'), '0.5', '1') as largest from hypothesis_tests
)
where not coalesce(equivalence_margin > 0 and equivalence_margin < largest::double, false)
union all
select 'populations', 'population', line, population || ' drops clients: population_rules.csv must say which'
from populations
where rules_mean = 'drop' and population not in (select population from population_rules)
union all
select 'pilots', 'segment_id', line, 'proposals.csv has no ' || proposal_id || ' for ' || segment_id
from pilots
where (segment_id, proposal_id) not in (select (segment_id, proposal_id) from proposals)
union all
select 'proposals', 'proposal_id', line, 'pilots.csv has no pilot of ' || proposal_id || ' for ' || segment_id
from proposals
where
    segment_id in (select segment_id from segments)
    and (segment_id, proposal_id) not in (select (segment_id, proposal_id) from pilots)
union all
select 'pilots', place, line, value || ' has no quantile in normal_quantiles.csv'
from (
    select line, 'significance_level' as place, significance_level as value, 1 - significance_level / 2 as needed from pilots
    union all
    select line, 'power', power, power from pilots
)
where value is not null and not exists (from normal_quantiles where abs(probability - needed) < 1e-9)
union all
select 'assumptions', 'assumption', 1, 'there is no ' || assumption || ', without which no profit is known'
from (
    values
        ('expected_churn_rate'),
        ('save_rate'),
        ('take_up_of_stayers'),
        ('contact_cost'),
        ('offer_cost'),
        ('margin_on_balance'),
        ('fee_per_product'),
        ('years_kept'),
        ('discount_rate')
) as needed (assumption)
where assumption not in (select assumption from assumptions)
union all
select 'assumptions', 'central', line, 'must not be empty'
from assumptions
where assumption <> 'expected_churn_rate' and (low + central + high) is null
union all
select register, place, line, 'must lie between ' || smallest || ' and ' || largest
from limits
inner join settings using (register, place)
where not coalesce(value between smallest and largest, false)
union all
select 'segment_search', 'smallest_depth', line, 'must not be above largest_depth'
from segment_search
where smallest_depth > largest_depth
union all
select register, 'random_seed', line, 'only one row is read; remove this one'
from settings
where place = 'random_seed' and line > 2
union all
select 'segments', 'segment_id', line, 'none is who is in no segment; take another id'
from segments
where segment_id = 'none'
union all
select 'segments', 'segment_id', line, segment_id || ' has no rule in segment_rules.csv: every client would be in it'
from segments
where segment_id not in (select segment_id from segment_rules)
union all
select 'traits', 'kind', 1, 'no trait has the kind category; add one, such as a number by its bands'
where 'category' not in (select kind from traits)
union all
select 'traits', 'kind', traits.line, trait || ' is no number'
from traits
inner join columns on column_name = trait
where traits.kind = 'number' and columns.kind in ('category', 'flag');
