"""Where patients' photos are kept: a folder of this machine, or a bucket that speaks S3."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured


def photo_storage(url: str, root: Path) -> dict[str, Any]:
    """The entry of STORAGES for `s3://bucket/prefix?endpoint=…&region=…`, or for the folder when `url` is empty.

    Credentials are boto3's own business (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the machine's role).

    Raises:
        ImproperlyConfigured: anything else.
    """
    if not url:
        modes = {"file_permissions_mode": 0o600, "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": root / "photos", **modes}}
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.scheme != "s3" or not parts.hostname or set(query) - {"endpoint", "region"}:
        raise ImproperlyConfigured("PHOTO_STORAGE must be empty or s3://bucket/prefix?endpoint=https://…&region=…")
    return {
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": parts.path.strip("/"),
            "endpoint_url": query.get("endpoint", [None])[0],
            "region_name": query.get("region", [None])[0],
            "signature_version": "s3v4",
            "default_acl": None,
            "file_overwrite": False,
        },
    }
