# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module that writes the environment file: what it keeps, what it refuses, and how it is taken back."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.safesecrets.infra.plugins.module_utils.environment_blocks import ManagedBlock, without_block
from ansible_collections.safesecrets.infra.plugins.modules import environment_file
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.module_runner import ModuleRunner, Result

BEGIN, END = b"# BEGIN safesecrets.infra environment\n", b"# END safesecrets.infra environment\n"
HEAD = b"# Written by Ansible: what stands between the markers is overwritten.\n"
ADDED = b"# The line break before this block came with it.\n"
BLOCK = BEGIN + HEAD + b"POLLY_REGION_US=us-east-1\n" + END
KEY = "s3cr3t-0123456789-abcdef"


class File:
    """An environment file, and the module's answers on it."""

    def __init__(self, path: Path, run_module: ModuleRunner) -> None:
        self.path = path
        self._run_module = run_module

    def __call__(self, check_mode: bool = False, **arguments: Any) -> Result:
        """Put the block in, or what the arguments say."""
        block = {"block": "environment", "variables": {"POLLY_REGION_US": "us-east-1"}}
        given = {"region": None, "path": str(self.path)} | (block if "state" not in arguments else {}) | arguments
        return self._run_module(environment_file, given, check_mode=check_mode)

    def beside(self) -> dict[str, bytes]:
        """Return what stands beside the file."""
        others = (path for path in self.path.parent.iterdir() if path != self.path)
        return {path.name.removeprefix(f"{self.path.name}.safesecrets-"): path.read_bytes() for path in others}


@pytest.fixture
def file(tmp_path: Path, run_module: ModuleRunner) -> File:
    """Give a file that is not there yet, alone in its directory."""
    (tmp_path / "etc").mkdir()
    return File(tmp_path / "etc/app.env", run_module)


CONTENTS = {
    "empty": b"",
    "comments and order": b"# head\nB=2\n\n# tail\nA=1\n  \n",
    "Windows line breaks": b'A=1\r\nKEY="x\r\ny"\r\n',
    "mixed line breaks": b"A=1\r\nB=2\nC=3\rD=4\n",
    "no final line break": b"A=1\nB=2",
    "Windows, no final line break": b"A=1\r\nB=2",
    "a carriage return at the end": b"A=1\r",
    "byte order mark": b"\xef\xbb\xbfA=1\n",
    "byte order mark alone": b"\xef\xbb\xbf",
    "names twice": b"A=1\nA=2\nA=1\n",
    "export": b"export A=1\n export\tB=2\nexport C\n",
    "not UTF-8": b"A=caf\xe9\n\xff\x00\n B = 2 \t",
    "long values": b'PEM="-----BEGIN\nabc\n-----END"\nX=a\\\nb\n',
    "10,000 lines": b"".join(b"NAME_%d=value %d\n" % (number, number) for number in range(10_000)),
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_what_stands_there_is_kept_and_comes_back_byte_for_byte(file: File, content: bytes) -> None:
    file.path.write_bytes(content)
    assert file(check_mode=True).values["changed"]
    assert file.path.read_bytes() == content
    assert file.beside() == {}
    written = file()
    assert written.values["changed"]
    assert written.values["examined"]["up_to_date"]
    ended = content.endswith(b"\n") or not content
    assert file.path.read_bytes() == content + (BLOCK if ended else b"\n" + BLOCK.replace(HEAD, HEAD + ADDED))
    assert file.beside() == {"original": content}
    assert not file().values["changed"]
    assert file(variables={"POLLY_REGION_US": "us-west-2"}).values["changed"]
    assert file(state="absent", block="environment", check_mode=True).values["changed"]
    assert file(state="absent", block="environment").values["changed"]
    assert file.path.read_bytes() == content
    assert file.beside() == {}
    assert not file(state="absent", block="environment").values["changed"]


@given(
    content=st.lists(st.sampled_from([b"A=1", b"\n", b"\r\n", b"\r", b"#", b" ", b"\xef\xbb\xbf", b"\xff", b"'", b'"']))
)
def test_a_block_that_goes_in_and_out_leaves_no_trace(content: list[bytes]) -> None:
    before = b"".join(content)
    block = ManagedBlock("environment", {"POLLY_REGION_US": "us-east-1"})
    assert without_block(block.written_into(before), "environment") == before
    twice = ManagedBlock("smartest_ai", {"X": "1"}).written_into(block.written_into(before))
    assert block.written_into(twice) == twice
    assert without_block(without_block(twice, "smartest_ai"), "environment") == before


def test_a_block_is_written_where_it_stands(file: File) -> None:
    file.path.write_bytes(b"A=1\n" + BEGIN + b"POLLY_REGION_US=us-west-2\nOLD=1\n" + END + b"\nB=2")
    answer = file().values
    assert answer["changes"] == ["POLLY_REGION_US: us-west-2 -> us-east-1", "OLD: 1 -> (absent)"]
    assert answer["diff"] == {"prepared": "POLLY_REGION_US: us-west-2 -> us-east-1\nOLD: 1 -> (absent)\n"}
    assert file.path.read_bytes() == b"A=1\n" + BLOCK + b"\nB=2"
    assert file.beside() == {}, "there was a block before: this is not how the file was without any"


def test_taken_over_lines_go_and_come_back_with_the_original(file: File) -> None:
    content = b"A=1\nexport POLLY_REGION_US=us-west-2\nB=2\n"
    file.path.write_bytes(content)
    assert "line 2 sets POLLY_REGION_US outside the managed block" in file().values["msg"]
    taken = file(take_over=True).values
    assert taken["changes"] == [
        "POLLY_REGION_US: (absent) -> us-east-1",
        "POLLY_REGION_US: removed outside the block",
    ]
    assert taken["original_kept"]
    assert file.path.read_bytes() == b"A=1\nB=2\n" + BLOCK
    assert file(state="original", check_mode=True).values["changed"]
    assert file(state="original").values["changes"] == ["POLLY_REGION_US: changed"]
    assert file.path.read_bytes() == content
    assert file.beside() == {}
    assert not file(state="original").values["changed"]


def test_the_original_does_not_come_back_over_the_lines_of_others(file: File) -> None:
    file.path.write_bytes(b"A=1\nB=2\n")
    file()
    written = file.path.read_bytes().replace(b"B=2", b"B=3") + b"C=secret\n"
    file.path.write_bytes(written)
    said = file(state="original").values["msg"]
    assert "lines that were added or changed since its backup and would be lost: 2, 7" in said
    assert "secret" not in said
    assert file.path.read_bytes() == written
    file(state="absent", block="environment")
    assert file.path.read_bytes() == b"A=1\nB=3\nC=secret\n"


def test_without_a_copy_the_original_cannot_come_back(file: File) -> None:
    file()
    assert "there is no app.env.safesecrets-original" in file(state="original").values["msg"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (BEGIN + b"A=1\n", "line 2 has no END marker of the block environment"),
        (b"A=1\n" + END, "line 2 has an END marker of the block environment without its BEGIN marker"),
        (BLOCK + BLOCK, "line 5 has a second block environment"),
        (BLOCK.replace(b"\n", b"\r\n"), "line 1 has a changed BEGIN marker"),
    ],
)
@pytest.mark.parametrize("state", ["present", "absent", "original"])
def test_damaged_blocks_are_explained_and_left_alone(file: File, content: bytes, said: str, state: str) -> None:
    file.path.write_bytes(content)
    answer = file(**({} if state == "present" else {"state": state, "block": "environment"})).values
    assert answer["failed"]
    assert f"{file.path}, {said}" in answer["msg"]
    assert "Remedy: mend the file by hand" in answer["msg"]
    assert file.path.read_bytes() == content


def test_a_secret_is_shown_by_its_fingerprint_alone(file: File) -> None:
    answers = [file(variables={}, secrets={"KEY": KEY}, block="smartest_ai")]
    assert f"KEY={KEY}\n" in file.path.read_text()
    answers += [
        file(variables={}, secrets={"KEY": f"{KEY}-next"}, block="smartest_ai", check_mode=True),
        file(variables={}, secrets={"KEY": "not plain: $"}, block="smartest_ai"),
        file(state="absent", block="smartest_ai"),
    ]
    assert answers[1].values["changes"][0].startswith("KEY: sha256:")
    assert "KEY has a value with a character that cannot be written" in answers[2].values["msg"]
    assert answers[3].values["changes"] == ["KEY: removed"]
    for answer in answers:
        assert KEY not in str(answer.values)
        assert "not plain" not in str(answer.values)


def test_a_secret_does_not_go_where_everyone_can_read_it(file: File) -> None:
    file.path.write_bytes(b"A=1\n")
    file.path.chmod(0o644)
    assert "the file's own mode 0644 would show the key" in file(variables={}, secrets={"KEY": KEY}).values["msg"]
    assert file(variables={}, secrets={"KEY": KEY}, mode="0600").values["changed"]
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.with_name("app.env.safesecrets-original").stat().st_mode) == 0o600


def test_a_wrong_mode_alone_is_mended_without_a_restart(file: File) -> None:
    file(restart_follows=True)
    file(state="settled")
    file.path.chmod(0o644)
    answer = file(restart_follows=True, mode="0640").values
    assert answer["changed"]
    assert not answer["restart_due"]
    assert not file(restart_follows=True, mode="0640").values["changed"]


def test_a_restart_is_due_until_it_is_done_whichever_run_changed_a_value(file: File) -> None:
    file.path.write_bytes(b"A=1\n")
    assert file(restart_follows=True, check_mode=True).values["restart_due"]
    assert file(restart_follows=True).values["restart_due"]
    assert file(restart_follows=True, block="other", variables={"B": "1"}).values["restart_due"]
    again = file(restart_follows=True).values
    assert (again["changed"], again["restart_due"]) == (False, True)
    assert file.beside()["previous"] == b"A=1\n", "the file as it was before the first of the changes"
    assert file(state="settled", check_mode=True).values["changed"]
    assert file(state="settled").values["changed"]
    assert "previous" not in file.beside()
    assert not file(state="settled").values["changed"]
    assert not file(restart_follows=True).values["restart_due"]


def test_a_value_that_stays_the_same_for_its_readers_needs_no_restart(file: File) -> None:
    file.path.write_bytes(b'POLLY_REGION_US="us-east-1"\n')
    answer = file(restart_follows=True, take_over=True).values
    assert (answer["changed"], answer["restart_due"]) == (True, False)


def test_the_previous_file_comes_back(file: File) -> None:
    file.path.write_bytes(b"A=1")
    file(restart_follows=True)
    assert file(state="previous", check_mode=True).values["changed"]
    back = file(state="previous").values
    assert back["changes"] == ["POLLY_REGION_US: removed"]
    assert not back["restart_due"]
    assert file.path.read_bytes() == b"A=1"
    assert file.beside() == {}
    assert not file(state="previous").values["changed"]


def test_without_a_service_nothing_waits(file: File) -> None:
    file(restart_follows=True)
    assert not file(variables={"POLLY_REGION_US": "us-west-2"}).values["restart_due"]
    assert file.beside() == {}


def test_a_value_is_quoted_for_the_readers_that_need_it(file: File) -> None:
    answer = file(variables={"A": "two words"}, readers={"A": ["systemd", "sh"]}).values
    assert answer["examined"]["up_to_date"]
    assert b"A='two words'\n" in file.path.read_bytes()
    assert not file(variables={"A": "two words"}, readers={"A": ["systemd", "sh"]}).values["changed"]
    said = file(variables={"A": "two words"}, readers={"A": ["systemd", "fish"]}).values["msg"]
    assert said.startswith("environment_readers.A is ['systemd', 'fish'], no list of readers. Remedy: ")


def test_what_a_killed_run_left_is_swept(file: File) -> None:
    file()
    file.path.with_name("app.env.safesecrets-new").write_bytes(b"KEY=half")
    assert file(check_mode=True).values["changed"] is False
    assert file.beside()["new"] == b"KEY=half"
    file()
    assert file.beside() == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"mode": "0644"}, "environment_mode is '0644', no mode for a file that holds keys"),
        ({"owner": "nobody-knows"}, "The host knows no owner nobody-knows"),
        ({"path": "/nowhere/app.env"}, "/nowhere/app.env is in a directory that is not there. Remedy: make it"),
        ({"path": "/dev/null"}, "/dev/null is no regular file"),
        ({"path": "/proc/self/mem/app.env"}, "could not be looked at or replaced: Not a directory"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_what_cannot_be_is_refused_in_check_mode_too(
    file: File, arguments: dict[str, str], said: str, check_mode: bool
) -> None:
    answer = file(check_mode=check_mode, **arguments).values
    assert answer["failed"]
    assert said in answer["msg"]
    assert not file.path.exists()
