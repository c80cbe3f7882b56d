# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is rendered of the fixture is what is kept as golden files, and nothing of a finding gets out of its place."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
import xmlschema
from ansible_collections.safesecrets.infra.plugins.module_utils.findings import STATUSES
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_files import MODES, as_text
from ansible_collections.safesecrets.infra.plugins.module_utils.handover_render import RenderError, rendered
from dotenv import dotenv_values

from tests.unit.handover_fixture import GOLDEN, HOSTILE, ROOT, TEMPLATES, fixture

SCHEMA = json.loads((ROOT / "docs/schemas/report.schema.json").read_text(encoding="utf-8"))
JUNIT = xmlschema.XMLSchema(str(GOLDEN / "junit.xsd"))


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    return fixture()


@pytest.fixture(scope="module")
def files(report: dict[str, Any]) -> dict[str, str]:
    return rendered(report, TEMPLATES)


def test_the_fixture_follows_the_schema_and_has_every_kind_of_finding(report: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(report)
    assert {each["status"] for each in report["findings"]} == set(STATUSES)
    assert {each["verdict"] for each in report["checklist"]} >= {"pass", "fail", "unproven"}
    assert report["failed_tasks"]


@pytest.mark.parametrize("name", MODES)
def test_what_is_rendered_is_as_kept(name: str, report: dict[str, Any], files: dict[str, str]) -> None:
    """After a wanted change: ``make golden``, and look at the difference."""
    assert {"report.json": as_text(report), **files}[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_same_report_gives_the_same_files(report: dict[str, Any], files: dict[str, str]) -> None:
    before = deepcopy(report)
    assert rendered(report, TEMPLATES) == files
    assert report == before


@pytest.mark.parametrize("version", [1, 3, None])
def test_a_report_of_another_form_is_refused(report: dict[str, Any], version: int | None) -> None:
    with pytest.raises(RenderError, match=rf"schema_version {version}.*reads 2.*0\.1\.0"):
        rendered({**report, "schema_version": version}, TEMPLATES)


def test_a_report_that_lacks_something_is_an_error_of_its_own(report: dict[str, Any]) -> None:
    with pytest.raises(RenderError, match="KeyError: 'findings'"):
        rendered({key: value for key, value in report.items() if key != "findings"}, TEMPLATES)


class Page(HTMLParser):
    """Collects what a browser would make of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id" and value]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_that_a_finding_says_becomes_markup(files: dict[str, str]) -> None:
    page = Page(files["report.html"])
    assert {"script", "img", "iframe", "object", "form"}.isdisjoint(page.tags)
    assert [name for name, _value in page.attributes if name.startswith("on")] == []
    assert "<script>alert(1)</script>" in page.text, "a person reads what was said"


def test_an_injection_would_be_found(files: dict[str, str]) -> None:
    assert "script" in Page(files["report.html"].replace("&lt;script&gt;", "<script>")).tags
    spoilt = Page(files["report.html"].replace("&lt;img", "<img").replace("alert(2)&gt;", "alert(2)>"))
    assert "img" in spoilt.tags
    assert "onerror" in dict(spoilt.attributes)


def test_the_page_needs_nothing_from_elsewhere(files: dict[str, str]) -> None:
    page = Page(files["report.html"])
    loading = {"src", "srcset", "data", "poster", "action", "background"}
    assert [name for name, _value in page.attributes if name in loading] == []
    links = [value for name, value in page.attributes if name in ("href", "xlink:href")]
    assert [link for link in links if link and not link.startswith(("#", "data:,"))] == []
    assert "url(" not in files["report.html"]
    assert "@import" not in files["report.html"]


def test_every_link_within_the_page_leads_somewhere(files: dict[str, str]) -> None:
    page = Page(files["report.html"])
    assert len(page.ids) == len(set(page.ids))
    wanted = {value[1:] for name, value in page.attributes if name == "href" and value and value.startswith("#")}
    wanted |= {each for name, value in page.attributes if name == "aria-labelledby" and value for each in value.split()}
    assert wanted - set(page.ids) == set()


def test_every_finding_stands_on_the_page_with_its_remedy(report: dict[str, Any], files: dict[str, str]) -> None:
    text = " ".join(Page(files["report.html"]).text.split())
    for each in report["findings"]:
        assert " ".join(each["detail"].split()) in text
        assert each["status"] not in ("fail", "unproven") or " ".join(each["remedy"].split()) in text


def test_hostile_text_ends_no_cell_and_no_block_in_markdown(files: dict[str, str]) -> None:
    text = files["report.md"]
    assert "<script>" not in text
    assert "\n## heading" not in text
    assert re.findall(r"^## .*", text, re.MULTILINE) == [
        "## Validation checklist",
        *(line for line in text.splitlines() if re.match(r"## [1-5]\. ", line)),
    ]
    assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in tables} == {6, 7}


def test_the_five_outputs_stand_in_their_order(files: dict[str, str]) -> None:
    assert re.findall(r"^## (\d)\. (.*)", files["report.md"], re.MULTILINE) == [
        ("1", "Bedrock model IDs"),
        ("2", "IAM role: updated policy document"),
        ("3", "Polly voices"),
        ("4", "Smartest.ai credentials"),
        ("5", "Test results"),
    ]


def test_junit_follows_its_schema(files: dict[str, str]) -> None:
    JUNIT.validate(files["junit.xml"])


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        ('type="validation.call"', ""),
        ('tests="7"', 'tests="seven"'),
        ("<testcase", "<case"),
        ('timestamp="2026-11-24T12:00:00"', 'timestamp="noon"'),
        ('<skipped message="[^"]+"', '<skipped message=""'),
    ],
)
def test_junit_that_does_not_is_refused(files: dict[str, str], pattern: str, replacement: str) -> None:
    spoilt = re.sub(pattern, replacement, files["junit.xml"])
    assert spoilt != files["junit.xml"]
    with pytest.raises((xmlschema.XMLSchemaException, ET.ParseError)):
        JUNIT.validate(spoilt)


def test_junit_counts_what_it_holds_and_passes_nothing_that_did_not(
    report: dict[str, Any], files: dict[str, str]
) -> None:
    root = ET.fromstring(files["junit.xml"])  # noqa: S314 - our own
    outcomes = {name: len(root.findall(f".//{name}")) for name in ("failure", "error", "skipped", "system-out")}
    statuses = [each["status"] for each in (*report["findings"],)] + [each["verdict"] for each in report["checklist"]]
    assert outcomes["failure"] == statuses.count("fail") == int(root.get("failures", 0))
    assert outcomes["error"] == len(report["failed_tasks"]) == int(root.get("errors", 0))
    assert outcomes["system-out"] == statuses.count("pass")
    not_run = sum(each["verdict"] == "not_run" for each in (*report["items"], *report["checklist"]))
    assert outcomes["skipped"] == statuses.count("unproven") + statuses.count("not_applicable") + not_run
    assert all("Remedy: " in (each.text or "") for each in root.iter("failure"))


def test_junit_carries_what_xml_cannot_as_a_mark(report: dict[str, Any]) -> None:
    spoilt = deepcopy(report)
    spoilt["findings"][0]["detail"] = "a\x00b\x1b[31mc"
    text = rendered(spoilt, TEMPLATES)["junit.xml"]
    JUNIT.validate(text)
    assert "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31mc" in text


def test_the_environment_fragment_is_read_as_the_files_are(files: dict[str, str], tmp_path: Any) -> None:
    (tmp_path / "safesecrets.env").write_text(files["safesecrets.env"], encoding="utf-8")
    values = dotenv_values(tmp_path / "safesecrets.env")
    assert values["BEDROCK_MODEL_ID_CA"] == "anthropic.claude-3-haiku-20240307-v1:0"
    assert "SMARTEST_AI_API_KEY" not in values
    assert values["SMARTEST_AI_ENDPOINT"].startswith("https://")  # type: ignore[union-attr]
    assert "# BEDROCK_MODEL_ID_US differs here: " in files["safesecrets.env"], "the hosts do not agree, and it is said"


@pytest.mark.parametrize(
    ("name", "value"),
    [("A", "x\nEVIL=1"), ("A", "$(reboot)"), ("A", "~/x"), ("A", ""), ("A B", "x"), ("A\nEVIL", "x"), ("A", HOSTILE)],
)
def test_an_unsafe_variable_does_not_reach_the_fragment(report: dict[str, Any], name: str, value: str) -> None:
    spoilt = deepcopy(report)
    for each in spoilt["findings"]:
        if each["id"] == "environment.variables":
            each["evidence"]["variables"] = {name: value}
    lines = rendered(spoilt, TEMPLATES)["safesecrets.env"].splitlines()
    assert [line.partition("=")[0] for line in lines if not line.startswith("#")] == ["SMARTEST_AI_ENDPOINT"]
    assert any("left out" in line for line in lines)


HIDDEN = "app\N{RIGHT-TO-LEFT OVERRIDE}1\N{ZERO WIDTH SPACE}\nEVIL=1"


def test_a_name_cannot_turn_what_stands_around_it(report: dict[str, Any]) -> None:
    """A host of another controller's shard may be called anything."""
    spoilt = deepcopy(report)
    for each in spoilt["findings"]:
        each["hosts"] = [HIDDEN]
    spoilt["notes"] = [f"Merged from the shards of {HIDDEN}."]
    for name, text in rendered(spoilt, TEMPLATES).items():
        assert not set("\N{RIGHT-TO-LEFT OVERRIDE}\N{ZERO WIDTH SPACE}") & set(text), name
    fragment = rendered(spoilt, TEMPLATES)["safesecrets.env"]
    assert "app\N{REPLACEMENT CHARACTER}1" in fragment
    assert not [line for line in fragment.splitlines() if line.startswith("EVIL")]


def test_a_hundred_hosts_do_not_bury_the_report(report: dict[str, Any]) -> None:
    many = deepcopy(report)
    hosts = [f"app-{number:03}" for number in range(100)]
    for each in many["findings"]:
        each["hosts"] = hosts
    page = rendered(many, TEMPLATES)["report.html"]
    assert "<summary>100 hosts</summary>" in page
    assert page.count("app-099") == 1, "all of them stand once"
    assert "app-009 and 90 more" in page
