"""Generated tests are the same on every machine and in every run, and leave nothing behind.

Runs in the tests are not those of a CI job: they say nothing in its log or summary.
"""

import os

from hypothesis import settings

for _name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(_name, None)

settings.register_profile("suite", database=None, derandomize=True, deadline=None)
settings.load_profile("suite")
