# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Faulty variables of the role egress are told one by one, with their remedy, and good ones are not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.egress_inputs import input_faults

UNKNOWN = "Run the role preflight on this host first, or set both."
NOTHING = "egress_regions or egress_services is empty. Name the regions"


def inputs(**more: Any) -> dict[str, Any]:
    """Return variables without a fault."""
    return {
        "instance_id": "i-0abc",
        "region": "ca-central-1",
        "regions": {"CA": {"region": "ca-central-1"}},
        "services": ["polly"],
        "host_files": ["/etc/resolv.conf", "/etc/chrony.d/*.conf"],
        **more,
    }


@pytest.mark.parametrize("good", [{}, {"host_files": []}])
def test_good_variables_have_no_fault(good: dict[str, Any]) -> None:
    assert input_faults(inputs(**good), "app") == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"instance_id": ""}, "egress_instance_id is '' and egress_region is 'ca-central-1'"),
        ({"instance_id": "none"}, "it is not known which EC2 instance app is"),
        ({"instance_id": "i-0abc\n"}, UNKNOWN),
        ({"region": ""}, UNKNOWN),
        ({"regions": {}}, NOTHING),
        ({"services": []}, NOTHING),
        ({"host_files": ["/etc/hosts; id", "/etc/resolv.conf"]}, 'egress_host_files has ["/etc/hosts; id"]. Give'),
        ({"host_files": ["/etc/hosts\n"]}, "Give absolute paths"),
        ({"host_files": ["etc/hosts"]}, "Give absolute paths"),
        ({"host_files": [1]}, "egress_host_files has [1]"),
    ],
)
def test_a_fault_is_told_alone(wrong: dict[str, Any], said: str) -> None:
    (fault,) = input_faults(inputs(**wrong), "app")
    assert said in fault


def test_all_faults_are_told() -> None:
    assert len(input_faults(inputs(region="", services=[], host_files=["x"]), "app")) == 3
