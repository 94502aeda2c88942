"""Generated tests are the same on every machine and in every run, and leave nothing behind."""

from hypothesis import settings

settings.register_profile("suite", database=None, derandomize=True, deadline=None)
settings.load_profile("suite")
