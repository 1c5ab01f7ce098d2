-- A bank that knows three things of a client, with clients made up here; of those of sample.sql only id and age are kept.
-- Who does not use the app leaves more often, on the basic plan most of all.
with

drawn as (

    select
        userid,
        Age as age,
        case
            when draw(userid, 5, 'plan') < 0.5 then 'basic'
            when draw(userid, 5, 'plan') < 0.8 then 'plus'
            else 'family'
        end as plan,
        draw(userid, 5, 'app') < greatest(0.1, 0.95 - 0.011 * Age) as uses_app
    from clients

),

rated as (

    select
        *,
        case plan when 'basic' then 0.10 when 'plus' then 0.08 else 0.05 end
        + if(uses_app, 0, case plan when 'basic' then 0.25 else 0.10 end)
        + if(age >= 55, 0.05, 0) as churn_rate
    from drawn

)

select
    userid as client_no,
    age as age_years,
    plan,
    if(uses_app, 'да', 'нет') as uses_app,
    if(draw(userid, 5, 'churn') < churn_rate, 'closed', 'open') as closed
from rated
order by userid
