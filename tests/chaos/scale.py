"""How large a round is: small enough for every change, or for a night."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """``runs`` and ``kills`` of the load under kill -9; ``part`` of the runs is the load of the other scenarios.

    ``outage`` is how long the database is down, ``stress`` how long every move meets every other, in seconds.
    """

    runs: int
    kills: int
    part: int
    strikes: int
    outage: float
    stress: float

    @property
    def load(self) -> int:
        """The runs of a scenario that needs some load and no more."""
        return self.runs // self.part


SCALES = {
    "ci": Scale(runs=500, kills=20, part=5, strikes=2, outage=4.0, stress=6.0),
    "nightly": Scale(runs=10_000, kills=200, part=10, strikes=20, outage=45.0, stress=600.0),
}
