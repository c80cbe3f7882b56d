# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A file replaced as a whole: whenever this is interrupted, the file is the old one or the new one."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import grp
import os
import pwd
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.safesecrets.infra.plugins.module_utils.faults import Fault, fault

#: What is appended to a file's name for the new one, until it takes the old one's place.
NEW = ".safesecrets-new"

#: FS_IOC_GETFLAGS, FS_IMMUTABLE_FL and FS_APPEND_FL of linux/fs.h.
_GET_FLAGS = 2 << 30 | struct.calcsize("l") << 16 | ord("f") << 8 | 1
_FLAGS = {0x10: ("immutable", "chattr -i"), 0x20: ("append-only", "chattr -a")}
#: Digests of the content, which the kernel makes anew.
_OF_THE_CONTENT = ("security.ima", "security.evm")


class NoSuchName(Exception):  # noqa: N818 - it names what it is
    """The host knows no such owner or group."""


@dataclass(frozen=True)
class Target:
    """A file as it was found, by the path behind any symbolic links, and whose it shall be."""

    path: Path
    #: None where there is no file.
    content: bytes | None
    found: os.stat_result | None
    uid: int
    gid: int
    mode: int
    #: SELinux context, access control list and the like.
    attributes: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def as_wanted(self) -> bool:
        """Tell whether the file is there, with the owner, group and mode that it shall have."""
        wanted = (self.uid, self.gid, self.mode)
        return self.found is not None and _rights(self.found) == wanted


def _rights(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def look(path: str, owner: str = "", group: str = "", mode: str = "") -> Target:
    """Look at a file; whose it shall be is for the options to say, else it stays as it is, or is the caller's alone.

    Raises OSError where it cannot be looked at, and NoSuchName where the host has no such owner or group.
    """
    real = Path(os.path.realpath(path))
    try:
        found = real.stat()
    except FileNotFoundError:
        found = None
    regular = found is not None and stat.S_ISREG(found.st_mode)
    kept = _rights(found) if found else (os.geteuid(), os.getegid(), 0o600)
    return Target(
        real,
        real.read_bytes() if regular else None,
        found,
        _known(f"owner {owner}", lambda: pwd.getpwnam(owner).pw_uid) if owner else kept[0],
        _known(f"group {group}", lambda: grp.getgrnam(group).gr_gid) if group else kept[1],
        int(mode, 8) if mode else kept[2],
        _attributes(real) if regular else {},
    )


def _known(what: str, number: Callable[[], int]) -> int:
    try:
        return number()
    except KeyError as error:
        raise NoSuchName(what) from error


def _attributes(path: Path) -> dict[str, bytes]:
    try:
        names = os.listxattr(path)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return {}
    return {name: os.getxattr(path, name) for name in names if name not in _OF_THE_CONTENT}


def obstacles(target: Target) -> Iterator[Fault]:
    """Return what stands against replacing a file, as far as that can be seen before."""
    where = str(target.path)
    if target.found and target.content is None:
        yield fault(where, "is no regular file", "name the application's environment file")
        return
    if target.found and target.found.st_nlink > 1:
        remedy = "leave it one name, or make the others symbolic links"
        yield fault(where, "has several names (hard links), of which the others would keep the old content", remedy)
    yield from _locks(target)
    if not os.access(target.path.parent, os.W_OK | os.X_OK):
        missing = not target.path.parent.is_dir()
        what = "is in a directory that is not there" if missing else "is in a directory that cannot be written to"
        yield fault(where, what, "make it" if missing else "let the role become root, or look at the mount")
    groups = {os.getegid(), *os.getgroups()}
    if os.geteuid() != 0 and (target.uid != os.geteuid() or target.gid not in groups):
        what = f"shall belong to user {target.uid} and group {target.gid}, which only root can bring about"
        yield fault(where, what, "let the role become root")


def _locks(target: Target) -> Iterator[Fault]:
    if target.content is None:
        return
    with target.path.open("rb") as file:
        try:
            flags = struct.unpack("l", fcntl.ioctl(file, _GET_FLAGS, struct.pack("l", 0)))[0]
        except OSError:  # a file system without such flags
            return
    for flag, (state, remedy) in _FLAGS.items():
        if flags & flag:
            yield fault(str(target.path), f"is {state}", f"{remedy} {target.path}, if it may change")


@contextlib.contextmanager
def alone_beside(path: str) -> Iterator[None]:
    """Keep other runs of this out of the file's directory, where there is one."""
    directory = Path(os.path.realpath(path)).parent
    if not directory.is_dir():
        yield
        return
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def replace(target: Target, content: bytes, path: Path | None = None) -> None:
    """Put a file in the target's place, or beside it, that holds the content and has the target's owner and rights.

    Raises OSError; the old file is then as it was, and nothing of the new one is left.
    """
    path = path or target.path
    new = path.with_name(path.name + NEW)
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchown(file.fileno(), target.uid, target.gid)
            for name, value in target.attributes.items():
                if _attribute(file.fileno(), name) != value:
                    os.setxattr(file.fileno(), name, value)
            os.fchmod(file.fileno(), target.mode)
            os.fsync(file.fileno())
        if path == target.path:
            _refuse_what_another_changed(target)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    settle(path.parent)


def _attribute(descriptor: int, name: str) -> bytes | None:
    try:
        return os.getxattr(descriptor, name)
    except OSError:
        return None


def _refuse_what_another_changed(target: Target) -> None:
    try:
        now = target.path.stat()
    except FileNotFoundError:
        now = None
    if _identity(now) != _identity(target.found):
        raise OSError(errno.EBUSY, "another program changed it meanwhile")


def _identity(found: os.stat_result | None) -> tuple[int, ...]:
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) if found else ()


def settle(directory: Path) -> None:
    """Have the directory's entries outlast a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
