-- Ratios: the published totals grow with the block group's size.
-- A missing total_bedrooms stays missing; pipeline.py fills it inside each fold.
select
    row_id,
    longitude,
    latitude,
    housing_median_age,
    median_income,
    population,
    households,
    total_rooms / households as rooms_per_household,
    total_bedrooms / households as bedrooms_per_household,
    total_bedrooms / total_rooms as bedrooms_per_room,
    population / households as people_per_household,
    total_rooms / population as rooms_per_person,
    median_income * households / population as income_per_person,
    ocean_proximity
from districts
