-- The public layout from the clients of sample.sql: renamed, recoded, a balance of 0 where there is none. The surnames,
-- which are not loaded, and the years with the bank are made up; who is new leaves a little more often.
select
    row_number() over (order by userid) as RowNumber,
    userid as CustomerId,
    'Client ' || (userid % 1000) as Surname,
    score as CreditScore,
    case City when 'Ярославль' then 'France' when 'Рыбинск' then 'Spain' else 'Germany' end as Geography,
    case Gender when 'Ж' then 'Female' else 'Male' end as Gender,
    Age,
    least(hash(userid) % 11, case when Churn = 1 then hash(userid + 1) % 14 else 10 end)::integer as Tenure,
    coalesce(Balance, 0) as Balance,
    Products as NumOfProducts,
    CreditCard as HasCrCard,
    Loyalty as IsActiveMember,
    estimated_salary as EstimatedSalary,
    Churn as Exited
from clients
order by userid
