# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters on the list of findings."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.module_utils import findings


def checked_findings(observed, earlier=()):
    try:
        return [*earlier, *findings.checked(observed)]
    except ValueError as error:
        raise AnsibleFilterError(f"The role did not hand over findings in their form: {error}") from error


class FilterModule:
    """Filters that read the list of findings."""

    def filters(self):
        return {
            "checked_findings": checked_findings,
            "explain_findings": findings.explain,
            "stopping_findings": findings.stopping,
        }
