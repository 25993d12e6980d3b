"""What every test of this project may rely on."""

import os

# One thread for each numerical library, before any is imported: tests share two cores and want equal answers each run.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from hypothesis import settings  # noqa: E402 - after the lines above

# A busy machine is no fault of the code: no example fails for being slow.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
