"""How the generated examples of these tests are run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is no reason to fail: time is measured in the benchmarks.
settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
