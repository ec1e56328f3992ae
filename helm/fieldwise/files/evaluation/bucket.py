"""Make the bucket of an evaluation: its object store does so for whoever writes to one.

The orchestrator itself takes no bucket that is not there, as its name may be a mistake.
"""

import os

import obstore
from obstore.store import S3Store

bucket = S3Store(
    os.environ["BUCKET"],
    endpoint=os.environ["BUCKET_ENDPOINT"],
    access_key_id=os.environ["FIELDWISE_BUNDLE_ACCESS_KEY"],
    secret_access_key=os.environ["FIELDWISE_BUNDLE_SECRET_KEY"],
    client_options={"allow_http": True},
)
obstore.put(bucket, "made", b"")
