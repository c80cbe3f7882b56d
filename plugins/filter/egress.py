# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Filters that turn what EC2 and the host say of the ways out of an instance into findings and plans."""

from __future__ import annotations

from functools import wraps

from ansible.errors import AnsibleFilterError
from ansible_collections.safesecrets.infra.plugins.module_utils import (
    egress,
    egress_controlled,
    egress_groups,
    egress_review,
    egress_way_back,
    host_services,
    step_variables,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_destinations import settings


def explained(function):
    """Give a fault of the variables its own text as the filter's error."""

    @wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except ValueError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


def egress_findings(look, wanted, published=None):
    return egress_review.review(look, settings(wanted), egress_review.networks(published or {}))


class FilterModule:
    """Filters that turn what EC2 and the host say of the ways out of an instance into findings and plans."""

    def filters(self):
        return {
            "egress_faults": step_variables.egress_faults,
            "egress_findings": explained(egress_findings),
            "egress_foreign_findings": egress_controlled.foreign_findings,
            "egress_host_findings": egress_review.host_finding,
            "egress_missed": egress_controlled.missed,
            "egress_own_name": egress_groups.own_name,
            "egress_plan": explained(egress_controlled.controlled),
            "egress_proven": egress_controlled.proven,
            "egress_record_names": explained(egress_way_back.record_names),
            "egress_recorded": explained(egress_way_back.recorded),
            "egress_unseen": egress.egress_unseen,
            "host_services": host_services.host_services,
        }
