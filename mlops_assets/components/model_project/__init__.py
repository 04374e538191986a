"""The component behind `type: mlops_assets.ModelProject`, one module for each kind of asset."""
