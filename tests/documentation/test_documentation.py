"""The documentation is true: its commands are ones that work, its links lead somewhere, no message is left out."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.safesecrets.infra.plugins.module_utils.checks import CHECKS

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PAGES = sorted(
    [*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("roles/*/README.md")]
)
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")
#: As code writes a finding's id.
FINDING = re.compile(
    r'"((?:prerequisites|residency|bedrock_access|iam_policy|polly_voices|environment|smartest_ai|egress|validation)'
    r'\.[a-z0-9_]+)"'
)


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(page: Path, program: str) -> list[list[str]]:
    """Return the commands of a page's blocks that run this program, without their comments."""
    found = []
    for _indent, language, text in BLOCK.findall(page.read_text()):
        if language in ("", "console", "bash", "sh"):
            for line in text.replace("\\\n", " ").splitlines():
                words = shlex.split(line, comments=True)
                while words and "=" in words[0]:
                    words = words[1:]
                if words and words[0] == program:
                    found.append(words)
    return found


PLAYS = [(page, words) for page in PAGES for words in commands(page, "ansible-playbook")]


@pytest.mark.parametrize("words", sorted({tuple(words) for _page, words in PLAYS}), ids=" ".join)
def test_every_playbook_command_is_one(words: tuple[str, ...]) -> None:
    """What a reader copies is understood by ansible-playbook, and names playbooks and tags that are there."""
    inventory = [] if {"-i", "--inventory"} & set(words) else ["--inventory", "inventory/lab"]
    checked = subprocess.run(
        [str(BIN / words[0]), *words[1:], *inventory, "--list-tasks"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    if "--tags" in words:
        for tag in words[words.index("--tags") + 1].split(","):
            assert re.search(rf"TAGS: \[.*\b{re.escape(tag)}\b", checked.stdout), f"no task has the tag {tag}"


def test_every_target_of_make_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {word for page in PAGES for words in commands(page, "make") for word in words[1:] if "=" not in word}
    assert named - targets == set()
    assert {"demo", "test"} <= named


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in LINK.findall(page.read_text()) if not leads(page, link)] == []


def leads(page: Path, link: str) -> bool:
    # docs/build.sh lays this page beside the others.
    return (page.parent / link).exists() or link == "contributing.md"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_yaml_of_the_pages_is_yaml(page: Path) -> None:
    for _indent, language, text in BLOCK.findall(page.read_text()):
        if language == "yaml":
            assert yaml.safe_load(text) is not None


def test_the_runbook_knows_every_finding() -> None:
    sources = "".join(path.read_text() for path in ROOT.glob("plugins/module_utils/*.py"))
    told = set(re.findall(r"`([a-z_]+\.[a-z0-9_]+)`", (ROOT / "docs/runbook.md").read_text()))
    assert set(FINDING.findall(sources)) == set(CHECKS), "each check has its title and its lifetime"
    assert set(CHECKS) - told == set(), "the runbook does not tell of these"
    assert {each for each in told - set(CHECKS) if not each.endswith((".yml", ".html"))} == set(), "nothing makes these"


def test_the_pages_are_built() -> None:
    """Every warning of Sphinx ends the build: a page outside the tables of contents, a link into nothing."""
    built = subprocess.run(["docs/build.sh"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    pages = {shown_page.stem for shown_page in (ROOT / ".cache/docs/html/reference").glob("*.html")}
    expected = {f"{path.stem}_module" for path in ROOT.glob("plugins/modules/*.py")}
    expected |= {f"{path.name}_role" for path in ROOT.glob("roles/*") if path.is_dir()}
    assert expected - pages == set()


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[gone](nowhere.md)\n\n```\nAWS_PROFILE=x ansible-playbook gone.yml  # why\n```\n")
    assert commands(page, "ansible-playbook") == [["ansible-playbook", "gone.yml"]]
    assert [link for link in LINK.findall(page.read_text()) if not leads(page, link)] == ["nowhere.md"]
