# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The instance profile's credentials, from IMDSv2 and from nowhere else."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

with suppress(ImportError):  # The travelling file brings it.
    from botocore.credentials import ReadOnlyCredentials
    from botocore.utils import InstanceMetadataFetcher

SECONDS, ATTEMPTS = 2, 2


class NoCredentialsError(Exception):
    """The metadata service gave no credentials; the text says what to do."""


def fetch(imds_endpoint: str) -> tuple[Any, dict[str, str]]:
    """Return the credentials of the instance profile, and what may be shown of them."""
    # The environment is empty and IMDSv1 is off, so nothing else can give credentials here.
    config = {"ec2_metadata_v1_disabled": True}
    fetcher = InstanceMetadataFetcher(SECONDS, ATTEMPTS, f"{imds_endpoint.rstrip('/')}/", {}, "safesecrets", config)
    try:
        found = fetcher.retrieve_iam_role_credentials()
    except Exception as error:
        raise NoCredentialsError(_what(imds_endpoint, f": {type(error).__name__}: {error}")) from error
    if not found:
        raise NoCredentialsError(_what(imds_endpoint, ""))
    credentials = ReadOnlyCredentials(found["access_key"], found["secret_key"], found["token"])
    return credentials, {"source": "IMDSv2", "role_name": found["role_name"], "expires_at": found["expiry_time"]}


def _what(imds_endpoint: str, why: str) -> str:
    return (
        f"The instance metadata service at {imds_endpoint} gave no credentials of an instance profile{why}. Remedy: "
        "attach an instance profile with the role to the instance, and let the metadata service answer (IMDSv2)."
    )
