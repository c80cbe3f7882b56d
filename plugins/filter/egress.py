# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that turn what EC2 and the host say of the ways out of an instance into findings."""

from __future__ import annotations

from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.module_utils import egress, egress_review, host_services
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import settings


def egress_findings(look, wanted, published=None):
    try:
        return egress_review.review(look, settings(wanted), egress_review.networks(published or {}))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Filters that turn what EC2 and the host say of the ways out of an instance into findings."""

    def filters(self):
        return {
            "egress_findings": egress_findings,
            "egress_host_findings": egress_review.host_finding,
            "egress_unseen": egress.egress_unseen,
            "host_services": host_services.host_services,
        }
