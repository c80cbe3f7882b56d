"""The files that make the lab's host a system of its own: names, users, keys, resolver, trusted certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

USER = "ec2-user"
#: Where Debian, and where Amazon Linux, keep what curl and Python trust.
TRUSTED = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"))
AUTHORITY = "etc/ssl/certs/safesecrets-lab.pem"

PASSWD = f"""\
root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
sshd:x:74:74:Privilege-separated SSH:/run/sshd:/usr/sbin/nologin
{USER}:x:1000:1000:EC2 Default User:/home/{USER}:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = f"root:x:0:\ndaemon:x:1:\ntty:x:5:\nsshd:x:74:\n{USER}:x:1000:\nnogroup:x:65534:\n"
SHADOW = "".join(f"{line.partition(':')[0]}:*:19000:0:99999:7:::\n" for line in PASSWD.splitlines())
SUDOERS = f"""\
Defaults env_reset, secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
{USER} ALL=(ALL:ALL) NOPASSWD: ALL
"""
#: The machine's own PAM may ask a directory service or a session manager, which the host has not.
PAM = "auth required pam_deny.so\naccount required pam_permit.so\nsession required pam_permit.so\n"
NSSWITCH = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"
SSHD = f"""\
HostKey /etc/ssh/ssh_host_ed25519_key
AllowUsers {USER}
AuthenticationMethods publickey
UsePAM no
PidFile none
PrintMotd no
UseDNS no
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True)
class KeyPair:
    """An SSH key in OpenSSH's formats."""

    private: bytes
    public: str


def key_pair() -> KeyPair:
    """Make a new key."""
    key = ed25519.Ed25519PrivateKey.generate()
    encoding, public_format = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return KeyPair(private, key.public_key().public_bytes(encoding, public_format).decode())


def write(
    tree: Path, *, address: str, region: str, resolver: str, host_key: KeyPair, user_key: KeyPair, authority: str
) -> str:
    """Add what the host has of its own to the files of its account; give its name."""
    domain = f"{region}.compute.internal"
    name = f"ip-{address.replace('.', '-')}"
    texts = {
        "etc/hostname": f"{name}.{domain}\n",
        "etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{address} {name}.{domain} {name}\n",
        "etc/resolv.conf": f"search {domain}\nnameserver {resolver}\n",
        "etc/nsswitch.conf": NSSWITCH,
        "etc/passwd": PASSWD,
        "etc/group": GROUP,
        "etc/pam.d/sudo": PAM,
        "etc/ssh/sshd_config_lab": SSHD,
        AUTHORITY: authority,
    }
    for bundle in filter(Path.exists, TRUSTED):
        texts[str(bundle.relative_to("/"))] = f"{bundle.read_text(encoding='utf-8')}\n{authority}"
    secrets = {
        "etc/shadow": SHADOW,
        "etc/sudoers": SUDOERS,
        "etc/ssh/ssh_host_ed25519_key": host_key.private.decode(),
        f"home/{USER}/.ssh/authorized_keys": f"{user_key.public}\n",
    }
    for files, mode in ((texts, 0o644), (secrets, 0o600)):
        for path, content in files.items():
            _write(tree / path, content, mode)
    for folder in (tree / "home" / USER, tree / "home" / USER / ".ssh"):
        folder.chmod(0o700)
    (tree / "mnt").mkdir()
    return f"{name}.{domain}"


def _write(path: Path, content: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
