"""Custom asset of the project: the customers to call."""

import dagster as dg

from mlops_assets.resources import WarehouseResource


@dg.asset(
    key_prefix="customer_churn",
    deps=[["customer_churn", "predictions"], ["customer_churn", "features"]],
    kinds={"duckdb", "deltalake"},
    description="The hundred customers who are most likely to leave, by the newest predictions, weighted by "
    "what they spent in the last half year.",
    automation_condition=dg.AutomationCondition.any_deps_updated()
    & ~dg.AutomationCondition.any_deps_in_progress(),
)
def customers_to_call(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource
) -> dg.MaterializeResult[None]:
    return warehouse.table(
        context,
        """
        select
            customer_id,
            probability as churn_probability,
            probability * amount_180 as amount_at_risk,
            region,
            days_since_last,
            orders_180,
            favourite_channel,
            model_version,
            _partition as month
        from customer_churn.predictions
        join customer_churn.features using (customer_id, _partition)
        where _partition = (select max(_partition) from customer_churn.predictions)
        order by amount_at_risk desc, customer_id
        limit 100
        """,
    )
