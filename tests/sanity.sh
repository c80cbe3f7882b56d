#!/usr/bin/env bash
# Runs ansible-test sanity on the collection as it would be installed: built, and unpacked where
# ansible-test wants it (…/ansible_collections/safesecrets/infra), with no ignore file.
#
# Without its own folder names ansible-test says "No tests applicable" and passes, so this fails
# when a test that must apply did not run, and when a planted fault is not found.
#
# Arguments are handed to ansible-test: tests/sanity.sh --test validate-modules
# VENV names the virtual environment whose ansible-core and Python are taken.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/${VENV:-.venv}/bin:$PATH
# Compiled modules are kept: every task of a run starts a Python.
unset PYTHONDONTWRITEBYTECODE

must_run=(ansible-doc compile import pep8 pylint runtime-metadata validate-modules yamllint)
python=$(python -c 'import sys; print("{}.{}".format(*sys.version_info))')
amazon_aws=$(python -c 'import ansible_collections, os; print(os.path.join(ansible_collections.__path__[0], "amazon"))')
ansible_test=$(python -c 'import ansible_test; print(ansible_test.__path__[0])')
unset ANSIBLE_CONFIG

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
collection=$copy/ansible_collections/safesecrets/infra
mkdir -p "$collection"
ansible-galaxy collection build --output-path "$copy" . >/dev/null
tar -xzf "$copy"/safesecrets-infra-*.tar.gz -C "$collection"
# The documentation fragments and the base class of our modules come from there.
ln -s "$amazon_aws" "$copy/ansible_collections/amazon"

# ansible-test keeps its virtual environments in the home folder. This home is the checkout's own,
# so that they outlive a run and leave the person's alone. It hands pip none of pip's variables, so
# what holds for pip here is written down for it.
pip_settings=$(python -m pip config list | sed -nE "s/^(:env:|global|install)\.([^=]+)='(.*)'$/\2 = \3/p" | awk '!seen[$1]++')
export HOME=$PWD/.cache/ansible-test
mkdir -p "$HOME/.ansible/test/cache" "$HOME/.config/pip"
printf '[global]\n%s\n' "$pip_settings" | install -m 600 /dev/stdin "$HOME/.config/pip/pip.conf"
# Pip for those environments comes with Python; ansible-test would fetch an installer for it from
# a server of Ansible's, and nothing here asks more than the package index.
pip=$(sed -nE "s/^ +pip='([0-9.]+)',$/\1/p" "$ansible_test/_internal/python_requirements.py")
printf 'import ensurepip\n\nensurepip.bootstrap()\n' >"$HOME/.ansible/test/cache/get_pip_${pip//./_}.py"

sanity() {
  # It says what was not applicable only when verbose.
  ansible-test sanity --python "$python" --color no -v "$@" 2>&1 | tee "$copy/output" | sed -e '/^Run command/d'
}

cd "$collection"
sanity "$@"
[ $# -eq 0 ] || exit 0

for name in "${must_run[@]}"; do
  awk -v start="Running sanity test \"$name\"" '
    index($0, start) == 1 { ran = 1; first = NR + 1 }
    NR == first && /^No tests applicable/ { ran = 0 }
    END { exit !ran }
  ' "$copy/output" || { echo "The sanity test $name was not applied to anything." >&2; exit 1; }
done

echo "Planting a fault: a module whose documentation is of another one."
cp plugins/modules/polly_voice_info.py plugins/modules/planted_fault.py
if sanity --test validate-modules plugins/modules/planted_fault.py || ! grep -q "Got 'polly_voice_info'" "$copy/output"; then
  echo "The planted fault was not found: these tests prove nothing." >&2
  exit 1
fi
echo "The planted fault was found."
