#!/usr/bin/env bash
# Installs what the lab's host is made of, where it is missing: lab/setup_host.sh
#
# The machine gets no SSH server of its own by this: the service is neither started nor enabled.
set -euo pipefail

packages=(ca-certificates curl iproute2 nftables openssh-client openssh-server openssl sudo util-linux)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "The lab's host needs ${missing[*]}: run \`make setup-host\` as root, or install them." >&2
  exit 2
fi
if ! command -v apt-get >/dev/null; then
  echo "The lab's host needs ${missing[*]}, and there is no apt-get here: install them." >&2
  exit 2
fi

policy=/usr/sbin/policy-rc.d # what maintainer scripts ask before they start a service
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get --quiet --quiet -o DPkg::Lock::Timeout=120 update
apt-get --quiet --quiet -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "${missing[@]}" >/dev/null
if [[ " ${missing[*]} " == *" openssh-server "* ]] && command -v systemctl >/dev/null; then
  systemctl disable ssh.service ssh.socket 2>/dev/null || true
fi
