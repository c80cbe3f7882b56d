# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that say where a user's data may go."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import residency, residency_findings


class FilterModule:
    """Filters that say where a user's data may go."""

    def filters(self):
        return {
            "mode_profiles": residency.mode_profiles,
            "residency_findings": residency_findings.residency_findings,
        }
