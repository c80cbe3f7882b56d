# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that say whether credentials, role and hosts are the right ones."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import prerequisite_findings


class FilterModule:
    """Filters that say whether credentials, role and hosts are the right ones."""

    def filters(self):
        return {
            "account_findings": prerequisite_findings.account_findings,
            "configuration_findings": prerequisite_findings.configuration_findings,
            "instance_findings": prerequisite_findings.instance_findings,
            "role_findings": prerequisite_findings.role_findings,
        }
