"""Where the content of bundles and of updates is kept, as the settings say.

Replicas share both. Updates lie beside the bundles and not among them: what devices may download is
found there alone.
"""

from orchestrator.config import OrchestratorSettings
from orchestrator.federation_ports import UpdateFiles
from orchestrator.home import made
from orchestrator.ports import BundleStore
from orchestrator.storage.blobs import folder_bundles
from orchestrator.storage.buckets import Bucket, bucket_bundles

UPDATES = "updates"


async def bundles_of(settings: OrchestratorSettings) -> BundleStore:
    """Open the folder or the bucket.

    Raises:
        FieldwiseError: ``SETTING_INVALID`` where it cannot be used.
    """
    place = _bucket(settings)
    if place is None:
        return folder_bundles(made(settings.bundles, "bundle_folder"))
    return await bucket_bundles(place, settings.bundle_public_endpoint)


async def update_files_of(settings: OrchestratorSettings) -> UpdateFiles:
    """Open what is beside the bundles for updates.

    Raises:
        FieldwiseError: As ``bundles_of``.
    """
    place = _bucket(settings, UPDATES)
    if place is None:
        return folder_bundles(made(settings.bundles / UPDATES, "bundle_folder"))
    return await bucket_bundles(place)


def _bucket(settings: OrchestratorSettings, within: str = "") -> Bucket | None:
    if (found := settings.bucket) is None:
        return None
    name, prefix = found
    key = (settings.bundle_access_key, settings.bundle_secret_key)
    inner = "/".join(each for each in (prefix, within) if each)
    return Bucket(name, inner, settings.bundle_endpoint, settings.bundle_region, *key)
