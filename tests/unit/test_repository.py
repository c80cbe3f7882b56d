# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The house's rules, as far as a machine can read them."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play import Play

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
LINKS = ROOT / "collections/ansible_collections/safesecrets/infra"

TASK_FILE_LINES = 80
MODULE_LINES = 300
FUNCTION_LINES = 40
#: The lab is a means: what it can be told in data, or a library can do, is no code of it.
LAB_MODULE_LINES = 220
LAB_LINES = 3_690

ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir())
TASK_FILES = sorted(ROOT.glob("roles/*/tasks/**/*.yml"))
PYTHON_FILES = sorted([*PLUGINS.rglob("*.py"), *ROOT.glob("lab/**/*.py")])
PRODUCT_FILES = sorted(
    path
    for folder in ("roles", "plugins", "playbooks", "meta")
    for path in (ROOT / folder).rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)


def load(path: Path) -> Any:
    """Read a YAML file."""
    return yaml.safe_load(path.read_text())


def shown(path: Path) -> str:
    """Name a file in the test's identifier."""
    return str(path.relative_to(ROOT))


def tracked_files() -> list[Path]:
    """List what git keeps or would keep: everything that is not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# Roles


@pytest.mark.parametrize("role", ROLES)
def test_defaults_and_argument_specs_name_the_same_variables(role: str) -> None:
    specs = load(ROOT / f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    defaults = load(ROOT / f"roles/{role}/defaults/main.yml") or {}
    optional = {name for name, option in specs["main"]["options"].items() if not option.get("required")}
    assert optional == set(defaults)


@pytest.mark.parametrize("role", ROLES)
def test_variables_and_arguments_of_a_role_begin_with_its_name(role: str) -> None:
    defaults = load(ROOT / f"roles/{role}/defaults/main.yml") or {}
    assert [name for name in defaults if not name.startswith(f"{role}_")] == []


@pytest.mark.parametrize("role", ROLES)
def test_every_argument_of_a_role_has_a_type_and_a_description(role: str) -> None:
    specs = load(ROOT / f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    assert specs["main"].get("short_description")
    for entry_point in specs.values():
        for name, option in entry_point.get("options", {}).items():
            assert option.get("type"), f"{name} has no type"
            assert option.get("description"), f"{name} has no description"


@pytest.mark.parametrize("role", ROLES)
def test_readme_of_a_role_explains_every_variable(role: str) -> None:
    readme = (ROOT / f"roles/{role}/README.md").read_text()
    defaults = load(ROOT / f"roles/{role}/defaults/main.yml") or {}
    assert [name for name in defaults if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("path", TASK_FILES, ids=shown)
def test_task_files_are_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= TASK_FILE_LINES


@pytest.mark.parametrize("path", TASK_FILES, ids=shown)
def test_every_assertion_says_what_to_do(path: Path) -> None:
    asserted = [task for task in tasks_of(load(path)) if "ansible.builtin.assert" in task]
    assert [task["name"] for task in asserted if not task["ansible.builtin.assert"].get("fail_msg")] == []


def tasks_of(listed: Any) -> Iterator[dict[str, Any]]:
    """Walk through tasks, those in blocks too."""
    for task in listed or []:
        yield task
        for section in ("block", "rescue", "always"):
            yield from tasks_of(task.get(section))


# Python


@pytest.mark.parametrize("path", PYTHON_FILES, ids=shown)
def test_modules_are_short(path: Path) -> None:
    assert code_lines(path.read_text()) <= MODULE_LINES


def test_the_lab_stays_small() -> None:
    lines = {shown(path): code_lines(path.read_text()) for path in ROOT.glob("lab/**/*.py")}
    assert [name for name, number in lines.items() if number > LAB_MODULE_LINES] == []
    assert sum(lines.values()) <= LAB_LINES


@pytest.mark.parametrize("path", PYTHON_FILES, ids=shown)
def test_functions_are_short(path: Path) -> None:
    assert long_functions(path.read_text()) == []


def code_lines(source: str) -> int:
    """Count the lines that hold code: no blanks, no comments, no texts that stand alone."""
    texts = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Expr, ast.Assign)) and isinstance(node.value, ast.Constant)
        if isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    layout = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in layout
        for line in range(token.start[0], token.end[0] + 1)
    }
    return len(lines - texts)


def long_functions(source: str) -> list[str]:
    """Name the functions that are too long, the text at their head aside."""
    long = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            head = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            if (node.end_lineno or 0) - head[0].lineno + 1 > FUNCTION_LINES:
                long.append(node.name)
    return long


def test_the_counts_count() -> None:
    body = "\n".join(f"    line_{number} = {number}" for number in range(FUNCTION_LINES))
    assert long_functions(f'def short():\n    """Said in\n    two lines."""\n{body}\n') == []
    assert long_functions(f"def long():\n    first = 0\n{body}\n") == ["long"]
    assert code_lines('"""Text.\n\nMore."""\n\nDOCUMENTATION = r"""\nmodule: x\n"""\n# why\nx = [\n    1,\n]\n') == 3


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=shown)
def test_plugins_parse_on_the_oldest_python_of_a_host(path: Path) -> None:
    ast.parse(path.read_text(), feature_version=(3, 9))


# Collection


def test_every_filter_has_its_documentation() -> None:
    missing = []
    for path in sorted((PLUGINS / "filter").glob("*.py")):
        namespace: dict[str, Any] = {}
        exec(compile(path.read_text(), path, "exec"), namespace)  # noqa: S102 - our own plugins
        missing += [name for name in namespace["FilterModule"]().filters() if not documents(name)]
    assert missing == []


def documents(name: str) -> bool:
    """Tell whether a filter's documentation is its own and complete."""
    path = PLUGINS / f"filter/{name}.yml"
    if not path.exists():
        return False
    documented = load(path)
    return documented["DOCUMENTATION"]["name"] == name and {"EXAMPLES", "RETURN"} <= set(documented)


def test_no_documentation_is_left_of_a_filter_that_is_gone() -> None:
    sources = "".join(path.read_text() for path in (PLUGINS / "filter").glob("*.py"))
    assert [path.stem for path in (PLUGINS / "filter").glob("*.yml") if f'"{path.stem}"' not in sources] == []


def test_the_action_group_holds_every_module_that_calls_aws_as_the_operator() -> None:
    group = load(ROOT / "meta/runtime.yml")["action_groups"]["aws"]
    own = {path.stem for path in PLUGINS.glob("modules/*.py") if "AnsibleAWSModule" in path.read_text()}
    tasks = "".join(path.read_text() for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml"))
    others = set(re.findall(r"^ *(?:- )?(amazon\.aws\.\w+):", tasks, re.MULTILINE))
    assert own
    assert others
    assert set(group) == own | others


def test_every_member_of_the_action_group_gets_the_connection() -> None:
    group = load(ROOT / "meta/runtime.yml")["action_groups"]["aws"]
    name = "safesecrets.infra.aws"
    play = Play.load(
        {"hosts": "localhost", "module_defaults": {f"group/{name}": {"profile": "x"}}}, loader=DataLoader()
    )
    members = {each if "." in each else f"safesecrets.infra.{each}" for each in group}
    assert set(play._group_actions[name]) == members  # Ansible leaves out what it does not find
    assert {each for each in members if name not in play._action_groups[each]} == set()


def test_versions_agree() -> None:
    version = load(ROOT / "galaxy.yml")["version"]
    released = load(ROOT / "changelogs/changelog.yaml")["releases"]
    assert re.search(rf'^version = "{re.escape(version)}"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version in released or list((ROOT / "changelogs/fragments").glob("*.yml")), "nothing tells of this version"
    assert [earlier for earlier in released if number(earlier) > number(version)] == []


@pytest.mark.parametrize("path", sorted(PLUGINS.glob("modules/*.py")), ids=shown)
def test_modules_come_with_a_version_that_is_there(path: Path) -> None:
    added = re.search(r'^version_added: "?([\d.]+)"?$', path.read_text(), re.MULTILINE)
    assert added
    assert number(added[1]) <= number(load(ROOT / "galaxy.yml")["version"])


def number(version: str) -> tuple[int, ...]:
    """Make versions comparable."""
    return tuple(map(int, version.split(".")))


def test_requirements_of_amazon_aws_agree() -> None:
    required = {each["name"]: each["version"] for each in load(ROOT / "collections/requirements.yml")["collections"]}
    assert required == load(ROOT / "galaxy.yml")["dependencies"]


def test_the_collections_names_resolve_by_links_that_lead_out_of_themselves() -> None:
    linked = {path.name: path.readlink() for path in LINKS.iterdir() if path.is_symlink()}
    assert linked == {name: Path("../../../..") / name for name in linked}
    assert {"galaxy.yml", "meta", "plugins", "roles", "playbooks"} == set(linked) == {p.name for p in LINKS.iterdir()}
    assert all(path.exists() for path in LINKS.iterdir())


# Files


#: A host of a package index or registry in a tracked file would bind the set-up to it.
REGISTRY = re.compile(
    r"(?:pypi\.org|pythonhosted\.org|galaxy\.ansible\.com|registry\.npmjs|deb\.debian\.org|docker\.io|quay\.io|ghcr\.io)"
    r"|--(?:extra-)?index-url\s*[=\s]\s*\S|--find-links|--trusted-host",
)


def test_no_file_names_a_registry() -> None:
    own = Path(__file__)
    named = [shown(path) for path in tracked_files() if path != own and REGISTRY.search(readable(path))]
    assert named == []


def readable(path: Path) -> str:
    """Return a file's text, nothing for what is no text."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


#: What would tie the product to the lab: between demo and production only the inventory differs.
LAB = re.compile(
    r"ministack|localstack|\bmoto\b|127\.0\.0\.1|localhost:\d|lab\.json|SAFESECRETS_LAB_DIR|safesecrets_lab"
)


@pytest.mark.parametrize("path", PRODUCT_FILES, ids=shown)
def test_the_product_does_not_know_the_lab(path: Path) -> None:
    assert LAB.findall(readable(path)) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("lab/**/*.py")), ids=shown)
def test_the_lab_holds_no_code_of_the_product(path: Path) -> None:
    assert "ansible_collections.safesecrets" not in path.read_text()


def test_files_that_run_are_executable() -> None:
    scripts = [path for path in tracked_files() if readable(path).startswith("#!/usr/bin/env bash")]
    assert scripts
    assert [shown(path) for path in scripts if not path.stat().st_mode & 0o100] == []
