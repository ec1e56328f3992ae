"""Where the content of bundles is kept, as the settings say."""

from orchestrator.config import OrchestratorSettings
from orchestrator.home import made
from orchestrator.ports import BundleStore
from orchestrator.storage.blobs import folder_bundles
from orchestrator.storage.buckets import Bucket, bucket_bundles


async def bundles_of(settings: OrchestratorSettings) -> BundleStore:
    """Open the folder or the bucket.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where it cannot be used.
    """
    if (found := settings.bucket) is None:
        return folder_bundles(made(settings.bundles, "bundle_folder"))
    name, prefix = found
    key = (settings.bundle_access_key, settings.bundle_secret_key)
    place = Bucket(name, prefix, settings.bundle_endpoint, settings.bundle_region, *key)
    return await bucket_bundles(place, settings.bundle_public_endpoint)
