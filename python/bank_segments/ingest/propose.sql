-- The registers of a new bank as a proposal, in the schema `ours`. `known` has those of all banks, each with its folder,
-- and `provisional` the columns of the file, which staging has read as numbers where it could. The variables `bank` and
-- `core` name the new bank and the one that is nearest where no other is nearer.
create schema ours;

-- Whole words, whatever the letter case, also those of a name like CreditScore.
create macro words_of(name) as list_filter(
    regexp_split_to_array(look_of(regexp_replace(name, '([a-z0-9])([A-Z])', '\1 \2', 'g')), '[^\p{L}\p{N}]+'),
    lambda word: word <> ''
);

-- Two digits that count, as a person would say it.
create macro unit_of(number) as pow(10, greatest(0, floor(log10(greatest(1, abs(number)))) - 1));
create macro rounded(number) as (round(number / unit_of(number)) * unit_of(number))::bigint;
create macro rounded_up(number) as (ceil(number / unit_of(number)) * unit_of(number))::bigint;
create macro rounded_down(number) as (floor(number / unit_of(number)) * unit_of(number))::bigint;

-- What stands in each column: how much, how many different values, the range of the numbers and the most common values.
set variable profile = (
    select string_agg(
        format(
            '
            from (
                with cells as (
                    select trim(clients."{0}") as cell, typed.{1} as number
                    from bank.raw.clients
                    inner join bank.staging.stg_bank__client_rows as typed using (source_row_number)
                    where trim(clients."{0}") <> ''''
                ),

                common as (
                    select any_value(cell) as code
                    from cells
                    group by lower(cell)
                    order by count(*) desc, code
                    limit 30
                )

                select
                    {2} as position,
                    count(*) as filled,
                    count(number) as numbers,
                    count(*) filter (number = 0) as zeros,
                    count(distinct coalesce(number::varchar, lower(cell))) as distinct_values,
                    coalesce(bool_and(number = floor(number)), false) as is_whole,
                    quantile_disc(number::double, [0, 0.01, 0.2, 0.4, 0.6, 0.8, 1]) as quantiles,
                    (select list(code) from common) as codes
                from cells
            )
            ',
            raw_column, column_name, sort_order
        ),
        ' union all '
    )
    from provisional.columns
);

create table seen as
select
    profile.*,
    raw_column as raw,
    other_names as header,
    (select count(*) from bank.raw.clients where other_row is null) as clients,
    filled > 0 and numbers >= 0.99 * filled as is_number
from query(getvariable('profile')) as profile
inner join provisional.columns on position = sort_order;

create table codes as
select position, unnest(codes) as code, generate_subscripts(codes, 1) as place from seen;

create table flag_words as
select word from known.cell_notations where notation in ('true', 'false')
union
values ('true'), ('false');

-- Words in the header of what may tell who a client is: no segment needs it, and it must not be published.
create table personal_words as
select look_of(unnest([
    'firstname', 'lastname', 'surname', 'patronymic', 'fullname', 'phone', 'telephone', 'tel', 'mobile', 'email', 'mail',
    'passport', 'iin', 'inn', 'snils', 'ssn', 'address', 'street', 'comment', 'comments', 'note', 'notes', 'manager',
    'имя', 'фамилия', 'отчество', 'фио', 'телефон', 'тел', 'почта', 'паспорт', 'иин', 'инн', 'снилс', 'адрес', 'улица',
    'комментарий', 'примечание', 'менеджер'
])) as word;

create table known_codes as
select folder, column_name, lower(value) as code, value from known.allowed_values where value <> '*'
union
select folder, column_name, lower(raw_value), value from known.value_synonyms;

-- Of columns of text, and of those with a workbook's own dates, which are not read at all.
set variable of_dates = 'dates, which no model reads; add a column of the months since';

-- What a column can be by its values alone.
create table kinds as
with worded as (
    select
        *,
        list_has_all((select list(word) from flag_words), list_transform(codes, lambda code: lower(code))) as is_flag,
        list_has_any((select list(word) from personal_words), words_of(header))
        or (
            list_contains(words_of(header), 'name')
            and list_has_all(['name', 'first', 'middle', 'last', 'full', 'client', 'customer'], words_of(header))
        ) as is_named_so,
        list_bool_and(
            list_transform(codes, lambda code: regexp_matches(code, '^\d{1,4}[-./]\d{1,2}[-./]\d{2,4}([ T]|$)'))
        ) as is_dated
    from seen
)

select
    *,
    case
        when is_flag then false
        -- A phone, or the number of a document.
        when is_number then is_whole and quantiles[4] >= 1e8 and distinct_values > clients / 2
        else is_named_so or contains(array_to_string(codes, ' '), '@')
    end as is_personal,
    case
        when distinct_values < 2 or is_dated then 'ignored'
        when distinct_values = 2 and is_flag then 'flag'
        when is_number and is_whole then 'integer'
        when is_number then if(quantiles[7] >= 1000, 'money', 'number')
        when distinct_values <= greatest(30, least(300, clients / 10)) then 'category'
        else 'ignored'
    end as seen_kind,
    case seen_kind
        when 'flag' then 'two values, words for yes and no'
        when 'integer' then 'whole numbers'
        when 'money' then 'large decimals'
        when 'number' then 'decimals'
        when 'category' then distinct_values || ' different texts'
        else
            case
                when distinct_values < 2 then 'no value or only one'
                when is_dated then getvariable('of_dates')
                else 'nearly as many texts as clients, such as names'
            end
    end as values_say
from worded;

-- Which column of a known bank it may be: by the look of its header, by the words in that, or by its values.
create table found as
with spelt as (
    select
        folder,
        column_name,
        unnest(string_split(concat_ws('; ', raw_column, column_name, other_names), '; ')) as spelling
    from known.columns
    where role <> 'ignored'
)

select
    position,
    folder,
    column_name,
    if(words_of(header) = words_of(spelling) or look_of(header) = look_of(spelling), 'header', 'words') as evidence,
    len(words_of(header)) - len(words_of(spelling)) as further_words
from kinds
inner join spelt on list_has_all(words_of(header), words_of(spelling)) or look_of(header) = look_of(spelling)
union
select codes.position, known_codes.folder, known_codes.column_name, 'values', 100
from codes
inner join kinds on codes.position = kinds.position
inner join known_codes on lower(codes.code) = known_codes.code
where kinds.seen_kind = 'category'
group by all
having count(distinct codes.code) >= greatest(2, any_value(len(kinds.codes)) / 2);

create table candidates as
with possible as (
    select
        found.*,
        role,
        count(distinct column_name) filter (evidence = 'header') over (partition by folder) as known_headers
    from found
    inner join known.columns using (folder, column_name)
    inner join kinds using (position)
    where
        case
            when distinct_values < 2 then false
            when role = 'id' then distinct_values > 2
            when kind = 'flag' then distinct_values = 2
            when kind = 'category' then seen_kind = 'category' or (evidence = 'header' and distinct_values <= 300)
            else is_number and (kind <> 'integer' or is_whole)
        end
)

select
    *,
    row_number() over (
        order by
            evidence <> 'header', further_words, known_headers desc, folder <> getvariable('core'), folder, position
    ) as place
from possible;

-- Each column by its best guess, and no known column or role twice, but for traits.
create table given as
with best as (
    from candidates
    qualify row_number() over (partition by position order by place) = 1
),

guesses as (
    from best
    qualify
        row_number() over (partition by column_name order by place) = 1
        and (role = 'trait' or row_number() over (partition by role order by place) = 1)
)

select
    kinds.*,
    guesses.folder,
    evidence,
    guesses.role as known_role,
    guesses.column_name as known_name,
    known_columns.kind as known_kind,
    minimum::bigint as known_minimum,
    maximum::bigint as known_maximum,
    missing_values as known_missing_values,
    coalesce(description_ru, header) as description_ru,
    coalesce(description_en, header) as description_en
from kinds
left join guesses using (position)
left join known.columns as known_columns
    on guesses.folder = known_columns.folder and guesses.column_name = known_columns.column_name;

create table nearest as
select coalesce(mode(folder order by folder <> getvariable('core')), getvariable('core')) as folder from given;

-- What tells clients apart and who left: where no header is known, a column that could do so, of which the user is asked.
create table roles as
with unknown as (
    select
        min(position) filter (is_whole and distinct_values >= 0.9 * clients) as numbered,
        min(position) filter (distinct_values >= 0.9 * clients and regexp_matches(codes[1], '\d')) as coded,
        max(position) filter (distinct_values = 2) as last_flag
    from given
    where known_role is null and not is_named_so
)

select
    * exclude (numbered, coded, last_flag),
    case position
        when coalesce(any_value(position) filter (known_role = 'id') over (), numbered, coded) then 'id'
        when coalesce(any_value(position) filter (known_role = 'outcome') over (), last_flag) then 'outcome'
        else coalesce(known_role, if(seen_kind = 'ignored' or is_personal, 'ignored', 'trait'))
    end as role
from given
cross join unknown;

-- What is known of one outcome alone, or says which it was, as the reason of leaving does: it comes after the outcome.
set variable consequences = (
    select coalesce(
        string_agg(
            format(
                'select {0} as position from bank.raw.clients where other_row is null and trim("{1}") <> '''''
                ' having count(distinct "{2}") = 1'
                ' or ({3} <= 30 and count(distinct (lower("{1}"), "{2}")) = count(distinct lower("{1}")))',
                position,
                raw,
                (select raw from roles where role = 'outcome'),
                distinct_values
            ),
            ' union all '
        ),
        'select 0 as position'
    )
    from roles
    where role = 'trait'
);

update roles
set role = 'ignored', values_say = 'follows from the outcome, as the reason of leaving does'
where position in (from query(getvariable('consequences')));

-- How many clients an id stands for beside the first: by the territory, or by all that the rows say where there is none.
set variable repeats = (
    select coalesce(
        format(
            'select count(distinct ({0}, {1})) - count(distinct {0}) as repeats'
            ' from bank.raw.clients where other_row is null',
            any_value(raw) filter (role = 'id'),
            coalesce(any_value(raw) filter (role = 'split'), string_agg(raw, ', '))
        ),
        'select 0 as repeats'
    )
    from roles
);

create table proposed as
with named as (
    select
        roles.*,
        repeats,
        role <> 'ignored' as is_loaded,
        lower(regexp_replace(raw, '([a-z0-9])([A-Z])', '\1_\2', 'g')) as spelt,
        if(regexp_full_match(spelt, '[a-z][a-z0-9_]*'), spelt, 'column_' || position) as own_name,
        own_name in (select known_name from given where known_name is not null)
        or own_name in ('client_id', 'client_key', 'is_churned', 'segment_ids')
        or row_number() over (partition by own_name order by position) > 1 as is_taken
    from roles
    cross join query(getvariable('repeats'))
)

select
    *,
    case
        when not is_loaded then null
        when role = 'id' then 'client_id'
        when role = 'outcome' then 'is_churned'
        else coalesce(known_name, own_name || if(is_taken, '_' || position, ''))
    end as column_name,
    case
        when not is_loaded then null
        when role = 'id' then if(is_number and is_whole, 'integer', 'category')
        when role = 'outcome' then 'flag'
        else coalesce(known_kind, seen_kind)
    end as kind,
    coalesce(kind in ('integer', 'money', 'number'), false) as is_numeric,
    role = 'id' or (role = 'split' and repeats > 0) as is_in_id,
    is_numeric
    and regexp_full_match(quantiles[1]::varchar, '-(1|99+)([.]0)?')
    and known_missing_values is distinct from quantiles[1]::bigint::varchar as is_doubtful,
    if(is_doubtful, quantiles[1]::bigint::varchar, known_missing_values) as missing_values,
    if(is_loaded, filled = clients and missing_values is null, null) as is_required,
    case
        when not is_numeric then null
        when role = 'id' then 1
        when known_minimum <= quantiles[1] then known_minimum
        else least(0, if(missing_values is null, rounded_down(quantiles[1]), 0))
    end as minimum,
    case
        when not is_numeric then null
        when role = 'id' then 999999999999
        when known_maximum >= quantiles[7] then known_maximum
        else rounded_up(10 * quantiles[7])
    end as maximum,
    case evidence
        when 'header' then format('the header is known from {}; ', folder)
        when 'words' then format('the header has the words of {} of {}; ', known_name, folder)
        when 'values' then format('the values are those of {} of {}; ', known_name, folder)
        else ''
    end || if(role = 'ignored' and is_personal, 'may tell who a client is', values_say) as reason
from named;

create table ours.columns as
select
    * exclude folder,
    position as sort_order,
    raw as raw_column,
    if(look_of(header) = look_of(raw), null, header) as other_names
from proposed
order by position;

-- Each code with its value, where the bank that the column is known from has one.
create table read_codes as
select position, place, proposed.column_name, kind, codes.code, known_codes.value, proposed.folder
from proposed
inner join codes using (position)
left join known_codes
    on
        proposed.folder = known_codes.folder
        and proposed.column_name = known_codes.column_name
        and lower(codes.code) = known_codes.code
where kind in ('category', 'flag') and role <> 'id';

-- Flags with a code that means neither yes nor no: the rarer one is taken for yes.
create table new_flags as
select position, column_name, codes
from proposed
where
    position in (
        select position from read_codes
        where kind = 'flag' and value is null and lower(code) not in (from flag_words)
    );

create table ours.value_synonyms as
select column_name, lower(unnest(codes)) as raw_value, unnest(['false', 'true']) as value from new_flags
union all
select column_name, raw_value, value
from known.value_synonyms
where
    (folder, column_name, value) in (select (folder, column_name, value) from read_codes)
    and column_name not in (select column_name from new_flags);

-- What has values that need a name: categories, flags, and whether there is a number.
create table named as
select
    position, folder, role, column_name, kind, distinct_values,
    if(role = 'outcome', ['ушёл', 'остался', 'left', 'stayed'], ['да', 'нет', 'yes', 'no']) as words
from proposed
where kind in ('category', 'flag') and role <> 'id'
union all
select
    position, folder, role, 'has_' || column_name, 'presence', 2,
    ['есть значение', 'нет значения', 'has a value', 'no value']
from proposed
where is_numeric and not is_required;

create table ours.allowed_values as
with labels as (
    select position, column_name, value, label_ru, label_en, if(value = '*', 200, sort_order::int) as place
    from known.allowed_values
    inner join named using (folder, column_name)
    where kind <> 'category' or value = '*' or (position, value) in (select (position, value) from read_codes)
    union all
    select position, column_name, code, code, code, 100 + place
    from read_codes
    where kind = 'category' and value is null
    union all
    select position, column_name, '*', 'прочие', 'other', 201
    from named
    where kind = 'category' and (role = 'split' or distinct_values > 30)
    union all
    select
        position, column_name, unnest(['true', 'false']), unnest(words[1:2]), unnest(words[3:4]), unnest([1, 2])
    from named
    where kind <> 'category' and (folder, column_name) not in (select (folder, column_name) from known.allowed_values)
)

select
    column_name, value, label_ru, label_en, row_number() over (partition by column_name order by place) as sort_order
from labels
qualify row_number() over (partition by column_name, value order by place) = 1
order by position, column_name, sort_order;

-- Where there are too many numbers to name each: round ones near the quintiles.
create table cuts as
with quintiles as (
    select distinct position, column_name, minimum, quantiles[7] as highest, rounded(unnest(quantiles[3:6])) as cut
    from proposed
    where is_numeric and role <> 'id' and distinct_values > 12
)

select position, column_name, cut from quintiles where cut > minimum and cut <= highest;

create table ours.bands as
select
    column_name,
    lag(cut) over (partition by column_name order by cut nulls last) as lower_bound,
    cut as upper_bound
from (from cuts union select distinct position, column_name, null from cuts)
order by position, cut nulls last;

create table ours.traits as
with levels as (
    select position, column_name as trait, 'category' as kind, 1 as place, ['', ''] as more
    from proposed
    where role in ('split', 'product_count', 'trait') and (not is_numeric or role = 'product_count' or distinct_values <= 12)
    union all
    select distinct position, column_name || '_band', 'category', 2, [' (группа)', ' (band)'] from cuts
    union all
    select position, column_name, 'category', 3, [': есть ли', ': whether known'] from named where kind = 'presence'
    union all
    select position, column_name, 'number', 4, ['', ''] from proposed where role = 'trait' and is_numeric
),

ordered as (
    select
        levels.*,
        header,
        folder,
        row_number() over (order by distinct_values > 30 and place = 1, place, position) as place_of_all,
        levels.kind = 'category' and place_of_all <= 7 as is_shown
    from levels
    inner join proposed using (position)
)

select
    trait,
    kind,
    coalesce(name_ru, header || more[1]) as name_ru,
    coalesce(name_en, header || more[2]) as name_en,
    unit_ru,
    unit_en,
    place_of_all as sort_order,
    is_shown as is_on_dashboard,
    is_shown as is_driver
from ordered
left join known.traits using (folder, trait, kind)
order by place_of_all;

-- What the nearest bank looks at, where the columns and values are here; its segments and hypotheses that need others stay
-- behind with all that is said of them.
create macro is_there(name, compared) as (
    (name, compared) in (select (column_name, value) from ours.allowed_values)
    or exists (
        -- Under another name: that of the column is one of those that the macro is called with.
        from (select column_name as number_name, minimum, maximum from proposed where is_numeric) as numbers
        where number_name = name and try_cast(compared as double) between numbers.minimum and numbers.maximum
    )
);

create table ours.populations as
from known.populations
anti join (from known.population_rules where not is_there(column_name, value)) as lacking using (folder, population)
semi join nearest using (folder);

create table ours.segments as
from known.segments
anti join (from known.segment_rules where not is_there(column_name, value)) as lacking using (folder, segment_id)
semi join nearest using (folder);

-- A lambda sees no table.
set variable there = (
    select list(name)
    from (
        select column_name as name from proposed where is_loaded
        union select column_name || '_band' from cuts
        union select column_name from named
        union select population from ours.populations
    )
);

create macro those_there(names) as array_to_string(
    list_filter(string_split(names, ' '), lambda name: list_contains(getvariable('there'), name)), ' '
);

create table ours.hypotheses as
select * replace (those_there(populations) as populations, those_there(strata) as strata)
from known.hypotheses
semi join nearest using (folder)
where
    list_contains(getvariable('there'), metric_column)
    and (kind <> 'proportion' or is_there(metric_column, success_value))
    and is_there(group_column, first_group)
    and is_there(group_column, second_group);

create table ours.population_rules as from known.population_rules semi join ours.populations using (folder, population);
create table ours.segment_rules as from known.segment_rules semi join ours.segments using (folder, segment_id);
create table ours.proposals as from known.proposals semi join ours.segments using (folder, segment_id);
create table ours.hypothesis_tests as
from known.hypothesis_tests semi join ours.hypotheses using (folder, hypothesis_id);
create table ours.pilots as
select * replace (those_there(arm_strata) as arm_strata)
from known.pilots semi join ours.segments using (folder, segment_id);
create table ours.assumptions as from known.assumptions semi join nearest using (folder);
create table ours.bank as
select getvariable('bank') as bank, bank as name_ru, bank as name_en, currency, false as is_synthetic
from known.bank semi join nearest using (folder);

create table doubts as
with asked as (
    select position, format('is {} the client''s id? Its values hardly repeat', header) as question
    from proposed
    where role = 'id' and evidence is distinct from 'header'
    union all
    select
        min_by(position, role <> 'split'),
        format(
            '{} rows repeat an id and differ: is {} together with the id one client? Where the id alone is, is_in_id of'
            ' this line is false; where another column is, that is true in its line',
            any_value(repeats),
            min_by(header, role <> 'split')
        )
    from proposed
    where role in ('id', 'split') and repeats > 0
    having count(*) > 0
    union all
    select position, format('is {} the outcome, whether a client left?', header)
    from proposed
    where role = 'outcome' and evidence is distinct from 'header'
    union all
    select position, format('does {} mean yes in {}? It is rarer than {}', codes[2], column_name, codes[1])
    from new_flags
    union all
    select position, format('does {} stand for no value? It is the smallest number of {}', missing_values, header)
    from proposed
    where is_doubtful
    union all
    select position, format('does {} tell who a client is? It has {} different texts', header, distinct_values)
    from proposed
    where role = 'trait' and kind = 'category' and known_name is null and distinct_values > 30
    union all
    select position, format('is {} what {} calls {}, in {}?', header, proposed.folder, column_name, unit_en)
    from proposed
    inner join known.traits on proposed.folder = traits.folder and column_name = trait
    -- That of money is asked below.
    where evidence = 'words' and unit_en is not null and proposed.kind <> 'money'
    union all
    select distinct position, format('how is {} written? Its name is known, its cells are no {}', header, known_columns.kind)
    from proposed
    inner join found using (position)
    inner join known.columns as known_columns
        on found.folder = known_columns.folder and found.column_name = known_columns.column_name
    where proposed.role = 'ignored' and found.evidence = 'header' and distinct_values > 1
    union all
    select position, format('does 0 stand for no value? {} of {} cells of {} are that', zeros, filled, header)
    from proposed
    where kind = 'money' and zeros > 0.1 * filled and missing_values is null
)

select 'columns.csv' as register, position + 1 as line, string_agg(question, '; ' order by question desc) as question
from asked
group by position
union all
select name || '.csv', 1, format('which {} are worth a look? None of {} fits', name, folder)
from nearest
cross join (
    values ('segments', exists (from ours.segments)), ('hypotheses', exists (from ours.hypotheses))
) as carried (name, is_found)
where not is_found
union all
select
    'bank.csv',
    2,
    'which currency (ISO 4217), and what is the bank called? Amounts and signs of money in assumptions.csv, traits.csv and'
    || ' columns.csv are those of other banks'
from nearest
order by register <> 'columns.csv', register, line;
