# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The key is shown nowhere, wherever it comes from, however it is delivered, whatever goes wrong.

Each case is a host of its own. All sources and deliveries, refusals, a failing restart, check mode and a switch of the
delivery come in three runs, one of them under ansible-runner and one with the JSON callback; then every place that
they could have left the key in is searched. Planted leaks, one for each kind of place, show that the search finds them.
"""

from __future__ import annotations

import base64
import getpass
import grp
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from dotenv import dotenv_values

from tests.watched_run import CORE, REPOSITORY, SOURCE, Search, Watched

CONVERGE = REPOSITORY / "molecule/shared/converge.yml"
RESTART = REPOSITORY / "playbooks/restart.yml"
NAME, ENDPOINT = "SMARTEST_AI_API_KEY", "https://api.example.com/v1/get_speech"
PASSWORD = b"of the vault"

#: Each source of the key, with the delivery that it is put through first; a later run switches it.
SOURCES: dict[str, dict[str, Any]] = {
    "vault": {"smartest_ai_delivery": "environment"},
    "secrets_manager": {
        "smartest_ai_api_key_secret_id": "safesecrets/smartest-ai",
        "smartest_ai_delivery": "credential",
    },
    "parameter": {"smartest_ai_api_key_parameter": "/safesecrets/smartest-ai", "smartest_ai_delivery": "environment"},
    "controller": {"smartest_ai_api_key_environment_variable": SOURCE, "smartest_ai_delivery": "credential"},
}
OTHER = {"environment": "credential", "credential": "environment"}
OLD_BLOCK = f"# BEGIN safesecrets.infra smartest_ai\n{NAME}={{key}}-old\n# END safesecrets.infra smartest_ai\n"

#: Further hosts: variables, what the file holds before, what is said; {key} stands for the key.
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "replaced": ({}, OLD_BLOCK, f"{NAME}: sha256:"),
    "taken_over": ({"smartest_ai_take_over": True}, f"{NAME}={{key}}-old\n", f"{NAME}: (absent)"),
    "restart_fails": (
        {"environment_service": "no-such-service", "environment_health_url": "http://127.0.0.1:9/"},
        "A=1\n",
        "The previous file is back",
    ),
    "outside": ({}, f"{NAME}={{key}}-old\n", f"line 1 sets {NAME} outside the managed block"),
    "outside_a_credential": (
        {"smartest_ai_delivery": "credential"},
        f"{NAME}={{key}}-old\n",
        f"line 1 sets {NAME} outside the managed block",
    ),
    "unsafe": ({"smartest_ai_api_key": "{key} $x"}, "", "has a value with"),
    "line_break": ({"smartest_ai_api_key": "{key}\n"}, "", "is misled: a line"),
    "list": ({"smartest_ai_api_key": ["{key}"]}, "", "smartest_ai_api_key holds no text"),
    "in_endpoint": ({"smartest_ai_endpoint": "https://api.example.com/?key={key}"}, "", "holds a query"),
    "no_file": ({"environment_path": "/proc/no/such/file"}, "", "/proc/no/such/file"),
}
WRITTEN = ("replaced", "taken_over")
REFUSED = [name for name in CASES if name not in (*WRITTEN, "restart_fails")]


class Vaulted(str):
    """A text that stands in a YAML file encrypted by Ansible Vault."""


yaml.SafeDumper.add_representer(Vaulted, lambda dumper, text: dumper.represent_scalar("!vault", str(text), style="|"))


def filled(value: Any, key: str) -> Any:
    """Put the key where it belongs, encrypted where it is one of the role's variables for it."""
    if isinstance(value, list):
        return [filled(each, key) for each in value]
    if isinstance(value, str) and "{key}" in value:
        encrypted = VaultLib([("default", VaultSecret(PASSWORD))]).encrypt(value.replace("{key}", key))
        return Vaulted(encrypted.decode())
    return value


class Hosts:
    """The inventory of all cases, with their files."""

    def __init__(self, root: Path, lab: dict[str, Any], key: str) -> None:
        self.root, self.targets, self._lab, self._key = root, root / "targets", lab, key
        for directory in (self.targets, root / "group_vars/all"):
            directory.mkdir(parents=True)
        shipped = REPOSITORY / "inventory/production/group_vars/all/safesecrets.yml"
        (root / "group_vars/all/safesecrets.yml").symlink_to(shipped)
        (root / "password").write_bytes(PASSWORD)
        self._systemctl(root / "bin")
        self.inventory = root / "inventory.yml"
        self.write()

    def write(self, **of_all: Any) -> None:
        """Write the inventory, and the files of hosts that have none yet."""
        hosts = {name: self._of_source(name) for name in self.sources()}
        hosts |= {name: self._host(name, variables, content) for name, (variables, content, _said) in CASES.items()}
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            "environment_owner": getpass.getuser(),
            "environment_group": grp.getgrgid(os.getgid()).gr_name,
            "safesecrets_become": False,
            "safesecrets_aws": {
                "endpoint_url": self._lab["endpoint_url"],
                "aws_ca_bundle": self._lab["ca_bundle"],
                "access_key": self._lab["access_key_id"],
                "secret_key": self._lab["secret_access_key"],
                "region": self._lab["region"],
            },
            "smartest_ai_endpoint": ENDPOINT,
            "smartest_ai_service": "safesecrets",
            **of_all,
        }
        inventory = {"safesecrets": {"hosts": hosts, "vars": variables}}
        self.inventory.write_text(yaml.safe_dump(inventory), encoding="utf-8")

    @staticmethod
    def sources() -> list[str]:
        """Name the hosts of the sources: one each that is changed, and one that is only checked."""
        return [*SOURCES, *(f"{name}_checked" for name in SOURCES)]

    def file(self, name: str) -> Path:
        return self.targets / name / "safesecrets.env"

    def credential(self, name: str) -> Path:
        return self.targets / name / "credentials" / NAME

    def switch(self) -> None:
        """Give each source the other delivery."""
        for variables in SOURCES.values():
            variables["smartest_ai_delivery"] = OTHER[variables["smartest_ai_delivery"]]
        self.write()

    def _of_source(self, name: str) -> dict[str, Any]:
        source = name.removesuffix("_checked")
        ask = {
            "smartest_ai_check_url": f"{self._lab['provider_url']}/waves/v1/lightning-v3.1/get_voices",
            "smartest_ai_check_ca_bundle": self._lab["ca_bundle"],
        }
        key = {} if source == "vault" else {"smartest_ai_api_key": ""}
        return self._host(name, {**SOURCES[source], **ask, **key, "smartest_ai_check": True}, "A=1\n")

    def _host(self, name: str, variables: dict[str, Any], content: str) -> dict[str, Any]:
        file = self.file(name)
        if not file.exists():
            file.parent.mkdir()
            file.touch(mode=0o600)
            file.write_text(content.replace("{key}", self._key), encoding="utf-8")
        given = {
            "environment_path": str(file),
            "smartest_ai_credential_directory": str(self.credential(name).parent),
            "smartest_ai_unit_directory": str(file.parent / "units"),
            "smartest_ai_check": False,
            "smartest_ai_api_key": "{key}",
            **variables,
        }
        return {option: filled(value, self._key) for option, value in given.items()}

    @staticmethod
    def _systemctl(directory: Path) -> None:
        """Put a systemctl in the path that knows its version and has nothing to read anew."""
        directory.mkdir()
        command = directory / "systemctl"
        command.write_text("#!/bin/sh\n[ \"$1\" != --version ] || echo 'systemd 252 (252.23)'\n")
        command.chmod(0o755)


@pytest.fixture(scope="module")
def key(aws: Callable[..., Any]) -> str:
    return aws("secretsmanager").get_secret_value(SecretId="safesecrets/smartest-ai")["SecretString"]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, lab: dict[str, Any], key: str) -> Hosts:
    return Hosts(tmp_path_factory.mktemp("hosts"), lab, key)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory, hosts: Hosts, key: str) -> Watched:
    return Watched(tmp_path_factory.mktemp("runs"), Search([key]), hosts.targets)


def variables(hosts: Hosts, key: str, **more: str) -> dict[str, str]:
    """Give what a run finds in its environment."""
    path = f"{hosts.root / 'bin'}:{os.environ['PATH']}"
    return {SOURCE: key, "PATH": path, "ANSIBLE_VAULT_PASSWORD_FILE": str(hosts.root / "password"), **more}


@pytest.fixture(scope="module")
def first(watched: Watched, hosts: Hosts, key: str) -> str:
    """All cases, as talkative as can be, with a restart that fails and facts that are kept."""
    playbook = hosts.root / "all.yml"
    plays = [{"hosts": "vault", "gather_subset": ["!all", "!min", "date_time"]}]
    imported = [{"ansible.builtin.import_playbook": str(path)} for path in (CONVERGE, RESTART)]
    playbook.write_text(yaml.safe_dump([*plays, *imported]))
    return watched.play(
        *("-vvvv", "--diff", "--limit", "!*_checked", "--inventory", hosts.inventory, playbook),
        **variables(hosts, key),
    )


@pytest.fixture(scope="module")
def checked(watched: Watched, hosts: Hosts, key: str, first: str) -> str:
    """The sources in check mode under ansible-runner, without pipelining: each module is a file on the host."""
    assert first
    options = "--check --diff -vvvv --limit *_checked"
    more = variables(hosts, key, ANSIBLE_PIPELINING="false")
    return watched.run_as_a_controller(CONVERGE, hosts.inventory, options, **more)


@pytest.fixture(scope="module")
def switched(watched: Watched, hosts: Hosts, key: str, checked: str) -> str:
    """The other delivery for each source, with the JSON callback."""
    assert checked
    hosts.switch()
    return watched.play(
        *("-vvvv", "--diff", "--limit", ",".join(SOURCES), "--inventory", hosts.inventory, CONVERGE),
        stdout_callback="ansible.posix.json",
        **variables(hosts, key, ANSIBLE_PIPELINING="false"),
    )


def delivered(hosts: Hosts, name: str) -> dict[str, str | None]:
    """Give the key at each place of a host."""
    credential = hosts.credential(name)
    return {
        "environment": dotenv_values(hosts.file(name)).get(NAME),
        "credential": credential.read_text() if credential.exists() else None,
    }


@pytest.mark.parametrize("name", SOURCES)
def test_the_key_reaches_its_place_and_no_other(first: str, hosts: Hosts, key: str, name: str) -> None:
    delivery = SOURCES[name]["smartest_ai_delivery"]
    assert delivered(hosts, name) == {delivery: key, OTHER[delivery]: None}, first[-4000:]
    assert dotenv_values(hosts.file(name))["SMARTEST_AI_ENDPOINT"] == ENDPOINT


@pytest.mark.parametrize("name", CASES)
def test_each_case_says_what_it_should(first: str, name: str) -> None:
    _variables, _content, said = CASES[name]
    assert said in first
    (recap,) = [line for line in first.splitlines() if re.match(rf"{name} +: ok=", line)]
    assert f"failed={int(name not in WRITTEN)}" in recap


@pytest.mark.parametrize("name", REFUSED)
def test_nothing_is_written_where_it_is_refused(first: str, hosts: Hosts, name: str) -> None:
    assert "BEGIN" not in hosts.file(name).read_text(), first[-4000:]
    assert not hosts.credential(name).exists()


@pytest.mark.parametrize("name", SOURCES)
def test_check_mode_shows_the_plan_and_does_not_ask_the_provider(checked: str, hosts: Hosts, name: str) -> None:
    host = f"{name}_checked"
    assert delivered(hosts, host) == {"environment": None, "credential": None}
    assert not list(hosts.file(host).parent.glob("*/*"))
    assert f"{NAME}: (absent) -> sha256:" in checked
    assert "was not asked: this is check mode" in " ".join(checked.split())


@pytest.mark.parametrize("name", SOURCES)
def test_switching_the_delivery_takes_the_key_from_the_other_place(
    switched: str, hosts: Hosts, key: str, name: str
) -> None:
    delivery = SOURCES[name]["smartest_ai_delivery"]
    assert delivered(hosts, name) == {delivery: key, OTHER[delivery]: None}, switched[-4000:]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print past what captures the output of tests."""

    def show(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(text)

    return show


def allowed(hosts: Hosts) -> set[Path]:
    """Name the files that may hold the key: where it was delivered, and where a person had put it before."""
    found = {hosts.file(name) for name in (*SOURCES, *CASES)} | {hosts.credential(name) for name in SOURCES}
    return found | {hosts.file(name).with_suffix(".env.safesecrets-original") for name in ("replaced", "taken_over")}


def test_the_key_is_found_nowhere_else(
    switched: str, watched: Watched, hosts: Hosts, key: str, shown: Callable[[str], None]
) -> None:
    assert switched
    watched.look_around(allowed(hosts), hosts.root)
    where = [path for path in allowed(hosts) if path.exists() and key.encode() in path.read_bytes()]
    shown(watched.search.table("Where the key was looked for") + f"where it belongs: {len(where)} files\n")
    assert {kind: place.found for kind, place in watched.search.places.items() if place.found} == {}
    assert [kind for kind, place in watched.search.places.items() if not place.looked_at] == []
    assert len(where) >= len(SOURCES) + len(WRITTEN)


PLANTED = """
- hosts: vault
  gather_facts: false
  vars: {{key: "{{{{ smartest_ai_api_key }}}}"}}
  tasks:
    - debug: {{var: key}}
    - set_fact: {{leak: "{{{{ key | urlencode }}}}", cacheable: true}}
    - copy: {{content: "{{{{ key | {form} }}}}", dest: "{{{{ item }}}}", mode: "0600"}}
      loop: {files}
      no_log: true
    - command: {{argv: [sh, -c, "sleep 0.5", "{{{{ key }}}}"]}}
      no_log: true
    - command: {{argv: [sleep, "0.5"]}}
      environment: {{LEAK: "{{{{ key }}}}"}}
      no_log: true
    - safesecrets.infra.record_findings: {{observed: [{finding}]}}
    - add_host: {{name: "leak-{{{{ key | regex_findall('[0-9a-f]{{48}}') | first }}}}", groups: leaks}}
- hosts: leaks
  gather_facts: false
  connection: local
  tasks:
    - fail: {{msg: An ordinary failure}}
"""
FINDING = (
    '{id: leak, item: INFRA-P2-6, subject: leak, region: null, status: pass, detail: A leak, remedy: "", '
    'evidence: {key: "{{ key }}"}, observed_at: "2026-11-24T20:00:00Z", expires_at: "2026-11-25T20:00:00Z"}'
)


def test_planted_leaks_are_found_in_each_kind_of_place(
    switched: str,
    watched: Watched,
    hosts: Hosts,
    key: str,
    tmp_path: Path,
    shown: Callable[[str], None],
) -> None:
    assert switched
    planted = Watched(tmp_path, Search([key]), hosts.targets)
    for name in ("home/.ansible", "tmp", "host/.ansible/tmp"):
        (tmp_path / name).mkdir(parents=True)
    in_tmp = Path("/tmp") / f"leak.{os.getpid()}"  # noqa: S108
    backup = hosts.file("vault").with_suffix(".bak")
    left = [tmp_path / "home/.ansible/left", tmp_path / "tmp/left", tmp_path / "host/.ansible/tmp/left", backup, in_tmp]
    playbook = tmp_path / "planted.yml"
    playbook.write_text(PLANTED.format(form="b64encode", files=[str(path) for path in left], finding=FINDING))
    try:
        planted.play("--inventory", hosts.inventory, playbook, **variables(hosts, key))
        playbook.write_text("- {hosts: vault, gather_facts: false, tasks: [{debug: {var: smartest_ai_api_key}}]}\n")
        more = variables(hosts, key)
        planted.play("--inventory", hosts.inventory, playbook, stdout_callback="ansible.posix.json", **more)
        planted.run_as_a_controller(playbook, hosts.inventory, "-v", **more)
        planted.look_around(allowed(hosts), hosts.root)
    finally:
        for path in (in_tmp, backup):
            path.unlink(missing_ok=True)
    shown(planted.search.table("Where planted leaks were looked for"))
    assert set(planted.search.places) == set(watched.search.places)
    assert [kind for kind, place in planted.search.places.items() if not place.found] == []


@pytest.mark.parametrize("form", ["plain", "URL", "JSON", "base64", "hexadecimal", "within a longer text in base64"])
def test_each_form_of_the_key_is_found(key: str, form: str) -> None:
    written = {
        "plain": key,
        "URL": quote(key, safe=""),
        "JSON": json.dumps({"key": key}).replace("/", "\\/"),
        "base64": base64.b64encode(key.encode()).decode(),
        "hexadecimal": key.encode().hex(),
        "within a longer text in base64": base64.b64encode(f"Bearer: {key}!".encode()).decode(),
    }[form]
    search = Search([key])
    search.look("text", [("text", written.encode()), ("other", b"f" * 48)])
    assert search.places["text"].found == ["text"]
    assert CORE.findall(key)
