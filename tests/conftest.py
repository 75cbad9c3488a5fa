"""Settings that pytest's own configuration cannot hold."""

from hypothesis import settings

# A deadline per example would let a busy machine decide a test; pytest's timeout still ends one that hangs.
settings.register_profile("trunkline", deadline=None, print_blob=True)
settings.load_profile("trunkline")
