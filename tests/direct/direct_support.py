"""What the tests of direct uploads and downloads share."""

from dataclasses import dataclass

from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import RunningServer

DIRECT = {
    "CONSIGNE_S3_DIRECT_UPLOADS": "true",
    "CONSIGNE_S3_DIRECT_DOWNLOADS": "true",
    "CONSIGNE_SWEEP_EVERY": "3600",
}


@dataclass
class Site:
    """A server, and the store that clients of it send to; ``prefix`` is the server's part of it."""

    server: RunningServer
    store: ObjectStore
    prefix: str

    def keys(self, below: str = "") -> list[str]:
        """Look into the bucket with another client."""
        page = self.store.client().list_objects_v2(
            Bucket=self.store.bucket, Prefix=f"{self.prefix}/{below}"
        )
        return [each["Key"] for each in page.get("Contents", ())]
