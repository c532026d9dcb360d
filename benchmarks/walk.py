"""Where the time of one mark goes: each dry step of the walk as a share of the whole.

Run: make bench. Out: a table; wall seconds of one process on this machine, best of five.
"""

from __future__ import annotations

from collections import defaultdict

from station_api import samples
from station_api.registry_file import sample_registry
from station_api.schemas import order_from
from station_api.walk import Nobody, Step, encode_order, plan_code

REPEATS = 5


def main() -> None:
    """Plan the sample order a few times and print the best time of each step."""
    seconds: dict[str, list[float]] = defaultdict(list)

    class Keeper(Nobody):
        """Keeps the seconds of each step."""

        def ended(self, step: Step) -> None:
            seconds[step.name].append(step.seconds)

    order = order_from(samples.order_fields(), "of the benchmark")
    for _ in range(REPEATS):
        plan_code(*encode_order(order, sample_registry()), Keeper())
    best = {name: min(found) for name, found in seconds.items()}
    whole = sum(best.values())
    print(f"\nwalk: code to program, {whole:.2f} s in all (best of {REPEATS} each)")
    for name, one in best.items():
        print(f"  {name:<12} {one:8.3f} s  {one / whole:6.1%}")


if __name__ == "__main__":
    main()
