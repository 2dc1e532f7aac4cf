"""The scenarios, one for each fault that a run is to survive."""

from __future__ import annotations

from tests.chaos.bouncer import PROGRAM
from tests.chaos.performance import Scenario
from tests.chaos.scenarios.deploying import migrate, missing_type, rename_step
from tests.chaos.scenarios.dying import calm, kill_workers, poison, rolling_restart
from tests.chaos.scenarios.freezing import SLOW_LEASE, frozen_irreversible, slow_step, zombie
from tests.chaos.scenarios.hostile import leave_values, plant_rows
from tests.chaos.scenarios.moving import collide
from tests.chaos.scenarios.pooling import pool
from tests.chaos.scenarios.reaching import ambiguous_start, black_hole
from tests.chaos.scenarios.serving import crash_server, end_sessions, outage
from tests.chaos.scenarios.ticking import fire
from tests.chaos.scenarios.undoing import undo

# Where a loss would be a defect, the lease is the usual one.
LONG_LEASE = {"SQUIDMESH_LEASE": "30s"}

SCENARIOS = (
    Scenario(name="calm", story=calm, settings=LONG_LEASE),
    Scenario(name="kill-workers", story=kill_workers),
    Scenario(name="rolling-restart", story=rolling_restart, settings=LONG_LEASE | {"SQUIDMESH_GRACE": "3s"}),
    Scenario(name="poison", story=poison, settings={"SQUIDMESH_MAX_LOSSES": "3"}),
    Scenario(name="zombie", story=zombie),
    Scenario(name="frozen-irreversible", story=frozen_irreversible),
    Scenario(name="slow-step", story=slow_step, settings={"SQUIDMESH_LEASE": f"{SLOW_LEASE}s"}),
    Scenario(name="crash-server", story=crash_server, alone=True),
    Scenario(name="end-sessions", story=end_sessions),
    Scenario(name="outage", story=outage, alone=True),
    Scenario(name="black-hole", story=black_hole),
    Scenario(name="ambiguous-start", story=ambiguous_start),
    Scenario(name="undo", story=undo),
    Scenario(name="collide", story=collide),
    Scenario(name="missing-type", story=missing_type),
    Scenario(name="rename-step", story=rename_step),
    Scenario(name="migrate", story=migrate, settings=LONG_LEASE),
    Scenario(name="schedules", story=fire),
    Scenario(name="hostile-values", story=leave_values),
    Scenario(name="hostile-rows", story=plant_rows),
    Scenario(name="pooler", story=pool, needs=PROGRAM),
)
