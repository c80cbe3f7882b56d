"""The names that the lab's certificates are for; its authority is made anew for each lab, its key never stored."""

from __future__ import annotations

import trustme

#: A wildcard stands for one label, so each region's names need their own.
REGIONS = ("ca-central-1", "us-east-1", "us-east-2", "us-west-2")
DOMAINS = ("amazonaws.com", "api.aws")
NAMES = ("localhost", "*.amazonaws.com", *(f"*.{region}.{domain}" for region in REGIONS for domain in DOMAINS))
ADDRESSES = ("127.0.0.1", "::1", "169.254.169.254")


def authority() -> trustme.CA:
    """The lab's authority, or anybody's who calls himself one."""
    return trustme.CA(organization_name="SafeSecrets lab")
