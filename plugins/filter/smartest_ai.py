# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters on the speech provider's key; none of their answers shows it, save that of provider_key."""

from __future__ import annotations

from ansible_collections.safesecrets.infra.plugins.module_utils import (
    environment_file,
    environment_findings,
    provider_endpoint_findings,
    provider_key,
)


class FilterModule:
    """Filters on the speech provider's key."""

    def filters(self):
        return {
            "key_fingerprint": environment_file.fingerprint,
            "provider_key": provider_key.key_of,
            "provider_key_faults": provider_key.key_faults,
            "provider_key_source": provider_key.key_source,
            "provider_source_faults": provider_key.source_faults,
            "smartest_ai_check_url": provider_endpoint_findings.check_url,
            "smartest_ai_disabled": environment_findings.smartest_ai_disabled,
            "smartest_ai_endpoint_findings": provider_endpoint_findings.endpoint_findings,
            "smartest_ai_findings": environment_findings.smartest_ai_findings,
        }
