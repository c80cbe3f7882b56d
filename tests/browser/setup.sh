#!/usr/bin/env bash
# Installs Chromium and a font for the tests of the report's page, where they are missing: tests/browser/setup.sh
set -euo pipefail

packages=(chromium fonts-dejavu-core)
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of the page need ${missing[*]}: run \`make setup-browser\` as root, or install them." >&2
  exit 2
fi
export DEBIAN_FRONTEND=noninteractive
apt-get --quiet --quiet -o DPkg::Lock::Timeout=120 update
apt-get --quiet --quiet -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "${missing[@]}" >/dev/null
