with

texts as (

    select *
    from (
        values
        ('b', 2, 'b;c'),
        ('a', 1, 'a'),
        ('c', 3, '')
    ) as texts (letter, place, parts)

),

joined as (

    select
        {{ join_rows('letter', ', ', 'place') }} as letters,
        -- 10^18 * 10^18 needs 120 bits.
        max({{ wide_integer('1000000000000000000') }} * {{ wide_integer('1000000000000000000') }}) as wide
    from texts

),

split as (

    select
        place,
        {{ each_part('parts', ';') }} as part
    from texts

),

cases as (

    select
        'a quotation mark and a backslash are text' as case_name,
        {{ text_literal("it's a \\ b") }} as actual,
        'it' || chr(39) || 's a ' || chr(92) || ' b' as expected
    union all
    select
        'an unanchored pattern matches anywhere, once is enough' as case_name,
        cast({{ matches("'abcabc'", 'c') }} as string) as actual,
        'true' as expected
    union all
    select
        'an anchor at the end allows no line break' as case_name,
        cast({{ matches("'abc' || chr(10)", 'c\\z') }} as string) as actual,
        'false' as expected
    union all
    select
        'every match is replaced, with its group' as case_name,
        {{ replace_matches("'a1b2'", '([0-9])', '<\\1>') }} as actual,
        'a<1>b<2>' as expected
    union all
    select
        'rows are joined in order' as case_name,
        letters as actual,
        'a, b, c' as expected
    from joined
    union all
    select
        'products do not overflow' as case_name,
        cast(wide as string) as actual,
        '1000000000000000000000000000000000000' as expected
    from joined
    union all
    select
        'each part is a row, an empty text is one part' as case_name,
        {{ join_rows("cast(place as string) || part", ' ', 'place, part') }} as actual,
        '1a 2b 2c 3' as expected
    from split
    union all
    select
        'a part is a whole one' as case_name,
        {{ join_rows(
            "cast(" ~ has_part('parts', ';', "'b'") ~ " as string) || cast(" ~ has_part('parts', ';', "'bc'") ~ " as string)",
            ' ', 'place'
        ) }} as actual,
        'falsefalse truefalse falsefalse' as expected
    from texts
    union all
    select
        'a row as JSON has every column, also without a value' as case_name,
        {{ row_as_json('entry') }} as actual,
        '{"letter":"ё","nothing":null,"place":1}' as expected
    from (
        select
            'ё' as letter,
            cast(null as string) as nothing,
            1 as place
    ) as entry

)

select *
from cases
where actual is distinct from expected
