# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that say what a prefix list of AWS's addresses has to hold, and whether it does."""

from __future__ import annotations

from datetime import datetime, timezone

from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.module_utils import egress_prefix_lists, ip_ranges


def published_ranges(text, regions, services, families, max_age_days):
    now = datetime.now(timezone.utc)
    try:
        return ip_ranges.published_ranges(
            text, regions, services, families=families, max_age_days=max_age_days, now=now
        )
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters that say what a prefix list of AWS's addresses has to hold, and whether it does."""

    def filters(self):
        return {
            "prefix_list_findings": egress_prefix_lists.list_findings,
            "prefix_list_unseen": egress_prefix_lists.list_unseen,
            "published_ranges": published_ranges,
        }
