# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that turn what EC2 says of an instance's security groups into findings."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.module_utils import egress


def egress_findings(instance, security_groups, regions, services, provider_endpoint=""):
    try:
        return egress.egress_findings(instance, security_groups, regions, services, provider_endpoint)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters that turn what EC2 says of an instance's security groups into findings."""

    def filters(self):
        return {"egress_findings": egress_findings, "egress_unseen": egress.egress_unseen}
