# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What stands in an environment file, and how a managed block goes in and out of it."""

from __future__ import annotations

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import (
    ManagedBlock,
    block_of,
    changes,
    lines_of,
)
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_file import fingerprint
from ansible_collections.safesecrets.infra.plugins.module_utils.faults import explain_faults

VARIABLES = {
    "AWS_REGION_DEFAULT": "ca-central-1",
    "AWS_REGION_USA": "us-east-1",
    "POLLY_REGION_CA": "ca-central-1",
    "POLLY_REGION_US": "us-east-1",
}


@pytest.fixture
def block() -> ManagedBlock:
    """Give a block of the two regions."""
    return ManagedBlock("environment", VARIABLES)


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
        assert block.examine(around + block.text() + around, "/app.env") == {
            "faults": [],
            "changes": [],
            "outside": [],
            "up_to_date": True,
        }


def test_an_older_block_is_not_up_to_date(block: ManagedBlock) -> None:
    older = ManagedBlock("environment", {**block.variables, "POLLY_REGION_US": "us-west-2", "POLLY_REGION_MX": "x"})
    examined = block.examine(older.text(), "/app.env")
    assert examined["changes"] == ["POLLY_REGION_US: us-west-2 -> us-east-1", "POLLY_REGION_MX: x -> (absent)"]
    assert not examined["up_to_date"]
    assert not examined["faults"]


def test_two_blocks_live_in_one_file(block: ManagedBlock) -> None:
    other = ManagedBlock("smartest_ai", {"SMARTEST_AI_API_KEY": "k" * 32}, secrets=["SMARTEST_AI_API_KEY"])
    content = block.text() + other.text()
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
    assert examined["outside"] == ["POLLY_REGION_CA"]
    assert taking.written_into(b"POLLY_REGION_CA=y\n" + line) == (b"" if removed else line) + taking.text()


def test_the_byte_order_mark_of_a_line_that_is_taken_over_stays(block: ManagedBlock) -> None:
    taking = ManagedBlock("environment", block.variables, take_over=True)
    assert taking.written_into(b"\xef\xbb\xbfPOLLY_REGION_CA=x\nA=1\n") == b"\xef\xbb\xbfA=1\n" + taking.text()


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
        ManagedBlock("smartest_ai", {"KEY": f"{secret}-older"}).text(),
        f'KEY="{secret}\n# BEGIN safesecrets.infra smartest_ai {secret}\n'.encode(),
    ):
        assert secret not in str(wanted.examine(content, "/app.env"))


def test_changes_name_secrets_by_their_fingerprint() -> None:
    old, new = {"KEY": "a" * 20, "URL": "https://a"}, {"KEY": "b" * 20, "URL": "https://a", "NEW": "1"}
    assert changes(old, new, secrets=["KEY"]) == [
        f"KEY: {fingerprint('a' * 20)} -> {fingerprint('b' * 20)}",
        "NEW: (absent) -> 1",
    ]


def test_a_secret_that_the_file_shall_not_hold_any_more_is_not_shown() -> None:
    secret = "s3cr3t-0123456789-abcdef"  # noqa: S105
    with_it = ManagedBlock("smartest_ai", {"URL": "https://a", "KEY": secret}, secrets=["KEY"])
    without = ManagedBlock("smartest_ai", {"URL": "https://a"}, absent_secrets=["KEY"])
    examined = without.examine(with_it.text(), "/app.env")
    assert examined["changes"] == [f"KEY: {fingerprint(secret)} -> (absent)"]
    assert not examined["up_to_date"]
    assert without.written_into(with_it.text()) == without.text()

    outside = f"KEY={secret}\n".encode()
    assert "line 1 sets KEY outside" in explain_faults(without.examine(outside, "/app.env")["faults"])
    taking = ManagedBlock("smartest_ai", without.variables, absent_secrets=["KEY"], take_over=True)
    assert secret.encode() not in taking.written_into(outside)
