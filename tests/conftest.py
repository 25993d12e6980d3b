"""What every test of this project may rely on."""

import os

# One thread for each numerical library, before any is imported: tests share two cores and want equal answers each run.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from hypothesis import settings  # noqa: E402 - after the lines above

# A busy machine is no fault of the code: no example fails for being slow.  In CI the examples are the same every time,
# so that a change is judged by what it changes; elsewhere every run looks for new ones.
settings.register_profile("any machine", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any machine")
