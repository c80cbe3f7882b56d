"""The objects of a controller: made by AWX's own modules, complete, without a secret, and made once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controller.controller_api import Store, controller

REPOSITORY = Path(__file__).resolve().parents[2]
CREDENTIALS = {"aws": "aws of production", "machine": "ssh of production", "smartest_ai": "speech", "use_case": "form"}
HANDOVER, DIRECTORY = "SafeSecrets hand-over", "/var/lib/safesecrets/handover"
VARIABLES = {
    "controller_project_url": "https://git.example/safesecrets/infra.git",
    "controller_image": "registry.example/safesecrets:1",
    "controller_notification_url": "https://chat.example/hook",
    "controller_credentials": CREDENTIALS,
    "controller_handover_claim": "safesecrets-handover",
    "controller_handover_node_directory": "/srv/handover",
    "controller_job_slice_count": 4,
}


def play(address: str, variables: dict[str, Any], playbook: str = "objects") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("--inventory", "localhost,", f"controller/{playbook}.yml", "--extra-vars", json.dumps(variables)),
        ],
        cwd=REPOSITORY,
        env=os.environ
        | {"CONTROLLER_HOST": address, "CONTROLLER_OAUTH_TOKEN": "of-the-test", "ANSIBLE_CONFIG": "ansible.cfg"}
        | {"ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_FORCE_COLOR": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class Made:
    """What a controller holds after the playbook, and what a second run asked of it."""

    store: Store
    first: subprocess.CompletedProcess[str]
    second: subprocess.CompletedProcess[str]
    changed_again: list[str]


@pytest.fixture(scope="module")
def made() -> Iterator[Made]:
    with controller() as (address, store):
        for name in CREDENTIALS.values():
            store.create("credentials", {"name": name})
        first = play(address, VARIABLES)
        assert first.returncode == 0, first.stdout
        so_far = len(store.changes)
        second = play(address, VARIABLES)
        yield Made(store, first, second, store.changes[so_far:])


def names(store: Store, collection: str) -> set[str]:
    return {each["name"] for each in store.objects[collection]}


def test_a_second_run_changes_nothing(made: Made) -> None:
    assert made.second.returncode == 0, made.second.stdout
    assert made.changed_again == []
    assert "changed=0" in made.second.stdout


def test_every_template_runs_a_playbook_that_is_there(made: Made) -> None:
    playbooks = {each["playbook"] for each in made.store.objects["job_templates"]}
    assert {Path(each).stem for each in playbooks} == {
        *("preflight", "site", "validate", "rollback", "drift", "report", "egress_prefix_list"),
    }
    assert [each for each in playbooks if not (REPOSITORY / each).is_file()] == []


def test_the_nightly_job_looks_and_changes_nothing(made: Made) -> None:
    drift = made.store.named("job_templates", "SafeSecrets drift")
    assert drift["job_type"] == "check"
    schedule = made.store.named("schedules", "SafeSecrets drift, nightly")
    assert schedule["unified_job_template"] == drift["id"]
    (failure,) = made.store.objects["notification_templates"]
    assert made.store.related("job_templates", drift["id"], "notification_templates_error") == [failure["id"]]


def test_the_prefix_list_is_refreshed_only_where_somebody_wants_one(made: Made) -> None:
    template = made.store.named("job_templates", "SafeSecrets prefix list")
    schedule = made.store.named("schedules", "SafeSecrets prefix list, daily")
    assert (schedule["unified_job_template"], schedule["enabled"]) == (template["id"], False)
    attached = made.store.related("job_templates", template["id"], "credentials")
    names_given = {made.store.one("credentials", each)["name"] for each in attached}
    assert names_given & set(CREDENTIALS.values()) == {CREDENTIALS["aws"]}, "nothing of the hosts is needed"


def test_nothing_is_changed_without_an_approval(made: Made) -> None:
    """From the preflight there is no way to the site but through the approval."""
    nodes = {each["identifier"]: each for each in made.store.objects["workflow_job_template_nodes"]}
    (approval,) = made.store.objects["workflow_approval_templates"]
    assert nodes["approval"]["related"]["unified_job_template"] == approval["url"]
    after = {
        name: made.store.related("workflow_job_template_nodes", node["id"], "success_nodes")
        for name, node in nodes.items()
    }
    assert after == {
        "preflight": [nodes["approval"]["id"]],
        "approval": [nodes["site"]["id"]],
        "site": [nodes["validate"]["id"]],
        "validate": [],
    }


def test_credentials_are_the_ones_of_the_controller(made: Made) -> None:
    site = made.store.named("job_templates", "SafeSecrets site")
    attached = made.store.related("job_templates", site["id"], "credentials")
    assert {made.store.one("credentials", each)["name"] for each in attached} == {*CREDENTIALS.values(), HANDOVER}
    (own,) = [each for each in made.store.objects["credentials"] if each["name"] not in CREDENTIALS.values()]
    assert own["inputs"] == {"directory": DIRECTORY}, "the only one that the playbook makes holds no secret"


def test_every_job_writes_its_report_where_it_stays(made: Made) -> None:
    (own,) = [each for each in made.store.objects["credentials"] if each["name"] == HANDOVER]
    for template in made.store.objects["job_templates"]:
        assert own["id"] in made.store.related("job_templates", template["id"], "credentials"), template["name"]
    kind = made.store.named("credential_types", HANDOVER)
    assert own["credential_type"] == kind["id"]
    assert kind["injectors"]["env"] == {"SAFESECRETS_HANDOVER": "{{ directory }}"}
    assert not [each for each in kind["inputs"]["fields"] if each.get("secret")]


def test_the_pods_of_jobs_see_the_volume(made: Made) -> None:
    (group,) = made.store.objects["instance_groups"]
    assert group["is_container_group"]
    pod = yaml.safe_load(group["pod_spec_override"])["spec"]
    (mount,) = pod["containers"][0]["volumeMounts"]
    (volume,) = pod["volumes"]
    assert (mount["mountPath"], mount["name"]) == (DIRECTORY, volume["name"])
    assert volume["persistentVolumeClaim"] == {"claimName": "safesecrets-handover"}
    for template in made.store.objects["job_templates"]:
        assert made.store.related("job_templates", template["id"], "instance_groups") == [group["id"]]


def test_jobs_on_execution_nodes_see_the_directory(made: Made) -> None:
    shown = made.store.settings["AWX_ISOLATION_SHOW_PATHS"]
    assert shown == ["/etc/pki/ca-trust:/etc/pki/ca-trust:O", f"/srv/handover:{DIRECTORY}:z"]


def test_only_jobs_that_change_nothing_are_cut_into_slices(made: Made) -> None:
    sliced = {each["name"].split()[-1] for each in made.store.objects["job_templates"] if each["job_slice_count"] == 4}
    assert sliced == {"preflight", "validate", "drift"}


def test_reports_that_would_be_deleted_are_refused() -> None:
    with controller() as (address, store):
        refused = play(address, VARIABLES | {"controller_handover_claim": "", "controller_handover_node_directory": ""})
        assert refused.returncode != 0
        assert "Remedy: set controller_handover_claim or" in " ".join(refused.stdout.split())
        assert store.changes == []


def test_the_secret_reaches_a_job_through_its_environment_alone(made: Made) -> None:
    key = made.store.named("credential_types", "SafeSecrets Smartest.ai key")
    assert [each["id"] for each in key["inputs"]["fields"] if each.get("secret")] == ["api_key"]
    assert [name for name, value in key["injectors"]["env"].items() if "api_key" in value] == [
        key["injectors"]["extra_vars"]["smartest_ai_api_key_environment_variable"]
    ]
    assert "{{" not in json.dumps(key["injectors"]["extra_vars"])


def test_surveys_ask_for_variables_that_the_playbooks_check(made: Made) -> None:
    known: set[str] = set()
    for path in REPOSITORY.glob("roles/*/meta/argument_specs.yml"):
        known |= set(yaml.safe_load(path.read_text())["argument_specs"]["main"]["options"])
    for path in REPOSITORY.glob("inventory/production/group_vars/all/*.yml"):
        known |= set(yaml.safe_load(path.read_text()))
    code = [*REPOSITORY.glob("roles/*/*/*.yml"), *REPOSITORY.glob("plugins/action/*.py")]
    sources = "".join(path.read_text() for path in code)
    asked = {each["variable"] for survey in made.store.surveys.values() for each in survey["spec"]}
    assert {each for each in asked if each not in known and each not in sources} == set()


def test_what_is_missing_is_named_before_anything_is_made() -> None:
    with controller() as (address, store):
        refused = play(address, VARIABLES | {"controller_image": ""})
        assert refused.returncode != 0
        assert "controller_image is empty. Remedy:" in " ".join(refused.stdout.split())
        assert store.changes == []


def test_a_credential_that_is_not_there_ends_the_run() -> None:
    with controller() as (address, _store):
        refused = play(address, VARIABLES)
        assert refused.returncode != 0
        assert "aws of production" in refused.stdout


# The execution environment


def test_the_build_context_is_made(tmp_path: Path) -> None:
    variables = {"controller_base_image": "registry.example/python:3.12", "controller_build_directory": str(tmp_path)}
    done = play("", variables, "execution_environment")
    assert done.returncode == 0, done.stdout
    definition = yaml.safe_load((tmp_path / "execution-environment.yml").read_text())
    assert definition["version"] == 3
    assert "registry.example/python:3.12" in (tmp_path / "context/Containerfile").read_text()
    required = yaml.safe_load((tmp_path / "context/_build/requirements.yml").read_text())
    assert required == yaml.safe_load((REPOSITORY / "collections/requirements.yml").read_text())
    assert "changed=0" in play("", variables, "execution_environment").stdout


def test_an_execution_environment_needs_a_base_image(tmp_path: Path) -> None:
    refused = play("", {"controller_build_directory": str(tmp_path)}, "execution_environment")
    assert refused.returncode != 0
    assert "controller_base_image is empty. Remedy:" in " ".join(refused.stdout.split())
    assert list(tmp_path.iterdir()) == []
