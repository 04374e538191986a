"""Online features for other programs; the public path of `mlops_assets.workspace.serving.feature_client`."""

from mlops_assets.workspace.serving.feature_client import FeatureStoreClient, OnlineResponse

__all__ = ["FeatureStoreClient", "OnlineResponse"]
