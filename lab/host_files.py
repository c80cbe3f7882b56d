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
#: What is the same on every host.
TREE = Path(__file__).with_name("data") / "host"
FOR_ROOT = ("etc/shadow", "etc/sudoers")


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
        AUTHORITY: authority,
    }
    for bundle in filter(Path.exists, TRUSTED):
        texts[str(bundle.relative_to("/"))] = f"{bundle.read_text(encoding='utf-8')}\n{authority}"
    secrets = {
        "etc/ssh/ssh_host_ed25519_key": host_key.private.decode(),
        f"home/{USER}/.ssh/authorized_keys": f"{user_key.public}\n",
    }
    programs: dict[str, str] = {}
    for path in filter(Path.is_file, TREE.rglob("*")):
        inside = str(path.relative_to(TREE))
        files = secrets if inside in FOR_ROOT else programs if path.stat().st_mode & 0o100 else texts
        files[inside] = path.read_text(encoding="utf-8")
    for files, mode in ((texts, 0o644), (programs, 0o755), (secrets, 0o600)):
        for inside, content in files.items():
            _write(tree / inside, content, mode)
    for folder in (tree / "home" / USER, tree / "home" / USER / ".ssh"):
        folder.chmod(0o700)
    (tree / "mnt").mkdir()
    return f"{name}.{domain}"


def _write(path: Path, content: str, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
