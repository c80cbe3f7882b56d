# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the environment file shall hold, what may stand in it, and that its readers agree on it."""

from __future__ import annotations

import io
import re
import subprocess
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.filter.environment_file import FilterModule
from ansible_collections.safesecrets.infra.plugins.module_utils.configuration import explain_faults
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import (
    ManagedBlock,
    block_of,
    changes,
    environment_faults,
    exposure_faults,
    fingerprint,
    lines_of,
    region_variables,
    target_faults,
    variable_faults,
)
from dotenv import dotenv_values
from jinja2 import Environment, FileSystemLoader

ROLE = Path(__file__).resolve().parents[2] / "roles/environment"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
SONNET = "anthropic.claude-3-sonnet-20240229-v1:0"
REGIONS = {
    "CA": {"region": "ca-central-1", "name": "CANADA"},
    "US": {"region": "us-east-1", "name": "USA"},
}
MODEL_IDS = {"CA": {"default": HAIKU, "allowlist": [HAIKU, SONNET]}, "US": {"default": SONNET, "allowlist": [SONNET]}}
KEY_ID = "AKIAIOSFODNN7EXAMPLE"


def rendered(block: ManagedBlock) -> bytes:
    """Return the block as the role's template and ``blockinfile`` write it."""
    loader = FileSystemLoader(ROLE / "templates")
    template = Environment(loader=loader, trim_blocks=True, keep_trailing_newline=True, autoescape=False)  # noqa: S701
    body = template.get_template("managed_block.env.j2").render(environment_block={"variables": block.variables})
    return f"# BEGIN safesecrets.infra {block.name}\n{body}# END safesecrets.infra {block.name}\n".encode()


@pytest.fixture
def block() -> ManagedBlock:
    """Give the block of the two regions."""
    return ManagedBlock("environment", region_variables(REGIONS, "CA", MODEL_IDS))


def test_the_variables_are_those_of_the_requirements_in_their_order() -> None:
    variables = region_variables(REGIONS, "CA", MODEL_IDS)
    assert list(variables.items()) == [
        ("AWS_REGION_DEFAULT", "ca-central-1"),
        ("AWS_REGION_CANADA", "ca-central-1"),
        ("AWS_REGION_USA", "us-east-1"),
        ("BEDROCK_MODEL_ID_CA", HAIKU),
        ("BEDROCK_MODEL_ID_US", SONNET),
        ("BEDROCK_MODEL_ALLOWLIST_CA", f"{HAIKU},{SONNET}"),
        ("BEDROCK_MODEL_ALLOWLIST_US", SONNET),
        ("POLLY_REGION_CA", "ca-central-1"),
        ("POLLY_REGION_US", "us-east-1"),
        ("TRANSCRIBE_REGION_CA", "ca-central-1"),
        ("TRANSCRIBE_REGION_US", "us-east-1"),
    ]


def test_a_third_region_is_one_more_entry() -> None:
    regions = REGIONS | {"MX": {"region": "mx-central-1", "name": "MEXICO"}}
    variables = region_variables(regions, "MX", MODEL_IDS | {"MX": MODEL_IDS["US"]})
    added = {name: value for name, value in variables.items() if name not in region_variables(REGIONS, "CA", MODEL_IDS)}
    assert variables["AWS_REGION_DEFAULT"] == "mx-central-1"
    assert list(added) == [
        "AWS_REGION_MEXICO",
        "BEDROCK_MODEL_ID_MX",
        "BEDROCK_MODEL_ALLOWLIST_MX",
        "POLLY_REGION_MX",
        "TRANSCRIBE_REGION_MX",
    ]


@pytest.mark.parametrize(
    ("model_ids", "missing"),
    [
        (MODEL_IDS, []),
        ({}, ["CA.default", "CA.allowlist", "US.default", "US.allowlist"]),
        (None, ["CA.default", "CA.allowlist", "US.default", "US.allowlist"]),
        ({"CA": MODEL_IDS["CA"]}, ["US.default", "US.allowlist"]),
        (MODEL_IDS | {"US": {"default": HAIKU, "allowlist": []}}, ["US.allowlist"]),
        (MODEL_IDS | {"US": {"default": None, "allowlist": [HAIKU]}}, ["US.default"]),
        (MODEL_IDS | {"US": [HAIKU]}, ["US.default", "US.allowlist"]),
    ],
)
def test_model_ids_that_nobody_found_are_named(model_ids: Any, missing: list[str]) -> None:
    faults = environment_faults(REGIONS, "CA", model_ids)
    assert [each["variable"] for each in faults] == [f"environment_model_ids.{each}" for each in missing]


def test_an_unsafe_model_id_is_named_by_its_variable() -> None:
    faults = environment_faults(REGIONS, "CA", MODEL_IDS | {"US": {"default": "a b", "allowlist": ["a b"]}})
    assert [each["variable"] for each in faults] == ["BEDROCK_MODEL_ID_US", "BEDROCK_MODEL_ALLOWLIST_US"]


SAFE = [
    HAIKU,
    f"{HAIKU},{SONNET}",
    "us-gov-west-1",
    "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6",
    "https://api.smallest.ai/waves/v1/lightning-v3.1/get_speech",
    "aGVsbG8_-d29ybGQ=",
    "a+b@c%d",
]
UNSAFE = [
    "two words",
    " leading",
    "trailing ",
    "line\nbreak",
    "line break at the end\n",
    "key\n",
    "tab\t",
    "$HOME",
    "`id`",
    "$(id)",
    'quo"te',
    "quo'te",
    "back\\slash",
    "hash#mark",
    "semi;colon",
    "amper&sand",
    "pi|pe",
    "star*",
    "question?",
    "~",
    "a:~/b",
    "(x)",
    "<model-id>",
    "[x]",
    "{a,b}",
    "bang!",
    "caf\u00e9",
    "nul\0",
]


@pytest.mark.parametrize("value", SAFE)
def test_accepts_what_every_reader_takes_literally(value: str) -> None:
    assert variable_faults({"NAME": value}) == []


@pytest.mark.parametrize("value", SAFE)
def test_every_reader_gets_the_same(value: str, tmp_path: Path) -> None:
    block = ManagedBlock("environment", {"FIRST": "1", "NAME": value, "LAST": "2"})
    path = tmp_path / "app.env"
    path.write_bytes(rendered(block))
    printed = subprocess.run(
        ["sh", "-c", '. "$0"; printf %s "$NAME"', path], check=True, capture_output=True, text=True, env={}
    )
    docker = dict(line.split("=", 1) for line in path.read_text().splitlines() if not line.startswith("#"))
    assert printed.stdout == dotenv_values(path)["NAME"] == docker["NAME"] == value


@pytest.mark.parametrize("value", UNSAFE)
def test_refuses_what_one_reader_may_take_otherwise(value: str) -> None:
    (fault,) = variable_faults({"NAME": value})
    assert fault["variable"] == "NAME"
    assert value not in fault["fault"] + fault["remedy"]


@pytest.mark.parametrize("value", ["two words", "$HOME", "`id`", "hash #mark", 'quo"te', "back\\slash"])
def test_readers_do_disagree_on_what_is_refused(value: str, tmp_path: Path) -> None:
    path = tmp_path / "app.env"
    path.write_text(f"NAME={value}\n")
    shell = subprocess.run(["sh", "-c", '. "$0"; printf %s "$NAME"', path], check=False, capture_output=True, text=True)
    assert (shell.stdout, dotenv_values(stream=io.StringIO(path.read_text()))["NAME"]) != (value, value)


@pytest.mark.parametrize(
    ("variables", "faults"),
    [
        ({"NAME": ""}, ["has an empty value"]),
        ({"NAME": None}, ["has a value that is not text"]),
        ({"NAME": 1}, ["has a value that is not text"]),
        ({"NAME": KEY_ID}, ["has an AWS access key ID in its value"]),
        ({"NAME": "ASIAIOSFODNN7EXAMPLE"}, ["has an AWS access key ID in its value"]),
        ({"name": "x"}, ["is no name for a variable"]),
        ({"1NAME": "x"}, ["is no name for a variable"]),
        ({"NAME-X": "x"}, ["is no name for a variable"]),
        ({"NAME\n": "x"}, ["is no name for a variable"]),
        ({"": "x"}, ["is no name for a variable"]),
        ({"AWS_ACCESS_KEY_ID": "x"}, ["is a static AWS key"]),
        ({"AWS_SECRET_ACCESS_KEY": "x"}, ["is a static AWS key"]),
        ({"AWS_SESSION_TOKEN": "x"}, ["is a static AWS key"]),
    ],
)
def test_names_what_is_wrong_with_a_variable(variables: dict[str, Any], faults: list[str]) -> None:
    assert [each["fault"] for each in variable_faults(variables)] == faults


@pytest.mark.parametrize(
    ("path", "mode", "variables"),
    [
        ("/etc/safesecrets.env", "0600", []),
        ("/etc/safesecrets.env", "0640", []),
        ("/etc/safesecrets.env", "0400", []),
        ("/etc/safesecrets.env", "", []),
        ("/etc/safesecrets.env", "0644", ["environment_mode"]),
        ("/etc/safesecrets.env", "0700", ["environment_mode"]),
        ("/etc/safesecrets.env", "0602", ["environment_mode"]),
        ("/etc/safesecrets.env", "600", ["environment_mode"]),
        ("/etc/safesecrets.env", "u=rw", ["environment_mode"]),
        ("/etc/safesecrets.env", "0600\n", ["environment_mode"]),
        ("/etc/safesecrets.env", 384, ["environment_mode"]),
        ("etc/safesecrets.env", "0600", ["environment_path"]),
        ("/etc/", "0600", ["environment_path"]),
        (None, None, ["environment_path", "environment_mode"]),
    ],
)
def test_judges_path_and_mode(path: Any, mode: Any, variables: list[str]) -> None:
    assert [each["variable"] for each in target_faults(path, mode)] == variables


@pytest.mark.parametrize(
    ("mode", "found_mode", "refused"),
    [
        ("", "0600", False),
        ("", "0640", False),
        ("", "0644", True),
        ("", "0602", True),
        ("", "0661", True),
        ("0600", "0644", False),
    ],
)
def test_a_key_is_not_put_where_everyone_can_read_it(mode: str, found_mode: str, refused: bool) -> None:
    assert [each["variable"] for each in exposure_faults(mode, found_mode)] == ["environment_mode"] * refused


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b"", []),
        (b"NODE_ENV=production\n", []),
        (b"NODE_ENV=production", []),
        (b"# AWS_REGION_DEFAULT=us-east-1\n", []),
        (b"AWS_REGION=us-east-1\nXAWS_REGION_DEFAULT=1\nAWS_REGION_DEFAULT_X=1\n", []),
        (b"NOTE=AWS_REGION_DEFAULT=1\n", []),
        (b"caf\xe9=\xff\xfe\n", []),
        (b"AWS_REGION_DEFAULT=us-east-1\n", ["line 1 sets AWS_REGION_DEFAULT outside"]),
        (b"\xef\xbb\xbfAWS_REGION_DEFAULT=us-east-1\n", ["line 1 sets AWS_REGION_DEFAULT outside"]),
        (b"A=1\n\nexport AWS_REGION_DEFAULT=us-east-1", ["line 3 sets AWS_REGION_DEFAULT outside"]),
        (b" \texport\tAWS_REGION_DEFAULT = us-east-1\r\n", ["line 1 sets AWS_REGION_DEFAULT outside"]),
        (b"AWS_REGION_DEFAULT: us-east-1\n", ["line 1 sets AWS_REGION_DEFAULT outside"]),
        (b"A=1\rPOLLY_REGION_CA=x\r", ["line 2 sets POLLY_REGION_CA outside"]),
        (
            b"POLLY_REGION_CA=x\nAWS_REGION_USA=x\n",
            ["line 1 sets POLLY_REGION_CA outside", "line 2 sets AWS_REGION_USA outside"],
        ),
        (b'POLLY_REGION_CA="x\ny"\n', ["line 1 sets POLLY_REGION_CA in or as a value of several lines"]),
        (b"POLLY_REGION_CA=x\\\ny\n", ["line 1 sets POLLY_REGION_CA in or as a value of several lines"]),
        (b'KEY="x\nPOLLY_REGION_CA=y\n"\n', ["line 2 sets POLLY_REGION_CA in or as a value of several lines"]),
        (b"KEY='x\nPOLLY_REGION_CA=y\n'\n", ["line 2 sets POLLY_REGION_CA in or as a value of several lines"]),
        (b"KEY=\"x\"\nOTHER='y'\nNOTE=it's \"fine\n", []),
        (b'PEM="-----BEGIN KEY-----\nabc\n-----END KEY-----"\n', []),
        (b'QUOTED="a \\" b"\n', []),
        (b'OPEN="never closed\nA=1\n', ["line 2 ends within a value"]),
        (b"OPEN=x\\", ["line 1 ends within a value"]),
        (b"CLOSED=x\\\\\n", []),
        (b"AWS_ACCESS_KEY_ID=x\n", ["line 1 sets AWS_ACCESS_KEY_ID, a static AWS key"]),
        (b"export AWS_SECRET_ACCESS_KEY=x\n", ["line 1 sets AWS_SECRET_ACCESS_KEY, a static AWS key"]),
        (b"AWS_SESSION_TOKEN=\n", ["line 1 sets AWS_SESSION_TOKEN, a static AWS key"]),
        (b"OTHER=AKIAIOSFODNN7EXAMPLE\n", ["line 1 holds an AWS access key ID"]),
        (b"URL=s3://ASIAIOSFODNN7EXAMPLE@x\n", ["line 1 holds an AWS access key ID"]),
        (b"# old: AKIAIOSFODNN7EXAMPLE\n", ["line 1 holds an AWS access key ID"]),
        (b"#AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPx\n", ["line 1 holds a static AWS key in a comment"]),
        (b"# no AWS_SECRET_ACCESS_KEY= here\n", []),
        (b"NAME=XAKIAIOSFODNN7EXAMPLE\n", []),
        (b"# BEGIN safesecrets.infra environment\n", ["line 1 has no END marker of the block environment"]),
        (b"# END safesecrets.infra environment\n", ["line 1 has an END marker of the block environment without"]),
        (
            b"# BEGIN safesecrets.infra environment\n# BEGIN safesecrets.infra environment\n"
            b"# END safesecrets.infra environment\n",
            ["line 2 has a BEGIN marker within the block environment", "line 2 has a second block environment"],
        ),
        (
            b"# BEGIN safesecrets.infra environment\r\n# END safesecrets.infra environment\n",
            ["line 1 has a changed BEGIN marker"],
        ),
        (
            b"# BEGIN safesecrets.infra environment\n# END safesecrets.infra environment",
            ["line 2 has a changed END marker"],
        ),
        (
            b"# BEGIN safesecrets.infra environment\n# END safesecrets.infra smartest_ai\n",
            ["line 2 has an END marker of the block smartest_ai without its BEGIN marker"],
        ),
        (
            b'A="x\n# BEGIN safesecrets.infra environment\n# END safesecrets.infra environment\n',
            ["line 2 has a marker within a value"],
        ),
        (
            b"# BEGIN safesecrets.infra smartest_ai\nPOLLY_REGION_CA=x\n# END safesecrets.infra smartest_ai\n",
            ["line 2 sets POLLY_REGION_CA in the managed block smartest_ai already"],
        ),
    ],
)
def test_says_why_a_file_cannot_be_changed(block: ManagedBlock, content: bytes, faults: list[str]) -> None:
    found = explain_faults(block.examine(content, "/app.env")["faults"]).splitlines()
    assert len(found) == len(faults), found
    for line, start in zip(found, faults, strict=True):
        assert line.startswith(f"/app.env, {start}")


def test_a_file_after_the_block_was_written_is_up_to_date(block: ManagedBlock) -> None:
    for around in (b"", b"A=1\n", b"caf\xe9\r\n"):
        assert block.examine(around + rendered(block) + around, "/app.env") == {
            "faults": [],
            "changes": [],
            "outside": "",
            "up_to_date": True,
        }


def test_an_older_block_is_not_up_to_date(block: ManagedBlock) -> None:
    older = ManagedBlock("environment", {**block.variables, "POLLY_REGION_US": "us-west-2", "POLLY_REGION_MX": "x"})
    examined = block.examine(rendered(older), "/app.env")
    assert examined["changes"] == ["POLLY_REGION_US: us-west-2 -> us-east-1", "POLLY_REGION_MX: x -> (absent)"]
    assert not examined["up_to_date"]
    assert not examined["faults"]


def test_two_blocks_live_in_one_file(block: ManagedBlock) -> None:
    other = ManagedBlock("smartest_ai", {"SMARTEST_AI_API_KEY": "k" * 32}, secrets=["SMARTEST_AI_API_KEY"])
    content = rendered(block) + rendered(other)
    assert block.examine(content, "/app.env")["up_to_date"]
    assert other.examine(content, "/app.env")["up_to_date"]
    lines, _damages = lines_of(content)
    assert block_of(lines, "smartest_ai") == other.variables


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        (b"POLLY_REGION_CA=x\n", True),
        (b"export POLLY_REGION_CA=x\n", True),
        (b"\xef\xbb\xbfPOLLY_REGION_CA=x\n", True),
        (b"POLLY_REGION_CA: x\n", True),
        (b"#POLLY_REGION_CA=x\n", False),
        (b"POLLY_REGION_CAX=x\n", False),
        (b"NOTE=POLLY_REGION_CA=x\n", False),
    ],
)
def test_taking_over_removes_exactly_the_lines_outside(block: ManagedBlock, line: bytes, removed: bool) -> None:
    taking = ManagedBlock("environment", block.variables, take_over=True)
    examined = taking.examine(b"POLLY_REGION_CA=y\n" + line, "/app.env")
    assert examined["faults"] == []
    assert bool(re.compile(examined["outside"].encode()).search(line)) is removed


def test_taking_over_never_touches_a_long_value(block: ManagedBlock) -> None:
    taking = ManagedBlock("environment", block.variables, take_over=True)
    (fault,) = taking.examine(b'KEY="x\nPOLLY_REGION_CA=y\n"\n', "/app.env")["faults"]
    assert fault["remedy"] == "remove the value by hand"


def test_nothing_that_was_examined_shows_a_secret() -> None:
    secret = "s3cr3t-0123456789-abcdef"  # noqa: S105
    wanted = ManagedBlock("smartest_ai", {"KEY": secret}, secrets=["KEY"])
    for content in (
        b"",
        f"KEY={secret}\n".encode(),
        f"KEY={secret}-older\nAWS_SECRET_ACCESS_KEY={secret}\n".encode(),
        rendered(ManagedBlock("smartest_ai", {"KEY": f"{secret}-older"})),
        f'KEY="{secret}\n# BEGIN safesecrets.infra smartest_ai {secret}\n'.encode(),
    ):
        assert secret not in str(wanted.examine(content, "/app.env"))


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("", "sha256:withheld, the key is short"),
        ("k" * 15, "sha256:withheld, the key is short"),
        ("abcdefghijklmnopqrstuvwxyz", "sha256:71c480df"),
    ],
)
def test_a_fingerprint_tells_long_keys_apart(secret: str, shown: str) -> None:
    assert fingerprint(secret) == shown


def test_changes_name_secrets_by_their_fingerprint() -> None:
    old, new = {"KEY": "a" * 20, "URL": "https://a"}, {"KEY": "b" * 20, "URL": "https://a", "NEW": "1"}
    assert changes(old, new, secrets=["KEY"]) == [
        f"KEY: {fingerprint('a' * 20)} -> {fingerprint('b' * 20)}",
        "NEW: (absent) -> 1",
    ]


def test_the_filter_reads_what_slurp_gives(block: ManagedBlock) -> None:
    examine = FilterModule().filters()["examine_managed_block"]
    given = {"name": block.name, "variables": block.variables}
    assert examine(given, b64encode(rendered(block)).decode(), "/app.env")["up_to_date"]
    assert not examine(given, "", "/app.env")["up_to_date"]
