# Copyright (c) 2026 SafeSecrets infrastructure team
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Makes ``ansible_collections.safesecrets.infra`` of this checkout importable, as ansible-core itself does.

Its own collection loader is installed, so amazon.aws, redirects and fully qualified plugin names resolve as in a
run, and what is imported is the checkout's ``plugins/`` behind the links of ``collections/``.
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Before the first import of ansible: it reads its configuration then.
os.environ["ANSIBLE_CONFIG"] = str(ROOT / "ansible.cfg")
# A test must never find its way to an account of the person who runs it.
for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

from ansible.plugins.loader import init_plugin_loader  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

init_plugin_loader()

# A busy machine is no fault, and two runs of one commit look at the same examples.
settings.register_profile("repository", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repository")
