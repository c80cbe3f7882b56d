#!/usr/bin/env bash
# Makes the pages in .cache/docs/html: the texts of this folder, and the reference that modules, filters, the callback
# and the roles' argument specs carry themselves. Every warning ends it, a link that leads nowhere among them.
set -euo pipefail
cd "$(dirname "$0")/.."

source=.cache/docs/source
rm -rf .cache/docs
mkdir -p "$source/reference"
cp -r docs/. "$source"
sed 's#](docs/#](#g' CONTRIBUTING.md >"$source/contributing.md"

ANSIBLE_CONFIG=$PWD/ansible.cfg antsibull-docs collection --use-current --squash-hierarchy --no-add-antsibull-docs-version \
  --dest-dir "$source/reference" safesecrets.infra >.cache/docs/antsibull.log 2>&1 || {
  cat .cache/docs/antsibull.log
  exit 1
}
sphinx-build --quiet --fail-on-warning --keep-going --builder html "$source" .cache/docs/html
echo "The pages are in .cache/docs/html/index.html"
