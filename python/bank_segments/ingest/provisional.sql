-- A name for each of the file's `headers`, and its number in the file as an id and as numbers that may be anything.
create schema provisional;

create table provisional.columns as
with spelt as (
    select
        header,
        position,
        coalesce(nullif(trim(regexp_replace(header, '[^\p{L}\p{N}]+', '_', 'g'), '_'), ''), 'column') as word
    from (select unnest($headers) as header, generate_subscripts($headers, 1) as position)
),

unreserved as (
    select
        header,
        position,
        if(
            regexp_matches(word, '^\d')
            or lower(word) in (
                select keyword_name from duckdb_keywords() where keyword_category <> 'unreserved'
            ),
            'c_' || word,
            word
        ) as word
    from spelt
)

select
    position as sort_order,
    if(position = 1, 'client_id', 'column_' || position) as column_name,
    word || if(row_number() over (partition by lower(word) order by position) > 1, '_' || position, '') as raw_column,
    if(position = 1, 'id', 'trait') as role,
    position = 1 as is_in_id,
    'number' as kind,
    false as is_required,
    -99999999999999 as minimum,
    99999999999999 as maximum,
    header as other_names,
    column_name as description_ru,
    column_name as description_en
from unreserved
