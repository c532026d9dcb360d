"""Codes: rates side by side with published libraries, and simulated identification.

In: nothing, or ``--trials N`` (trials a cell; default 30), ``--prior Q`` (of never issued)
and ``--rates`` to skip the simulation. Out: tables on standard output. Ratios are of one run on
one core; python-stdnum and reedsolo do the work their own way, one text a call.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from itertools import product

import numpy as np
import reedsolo
from numpy.typing import NDArray
from stdnum import damm, luhn, verhoeff
from stdnum.iso7064 import mod_11_2, mod_11_10, mod_37_2, mod_37_36

from engraver import batch
from engraver.codes import FORMATS, encode_index
from engraver.evidence import CALL_POSTERIOR, CHANCE_LIMIT, PRIOR_NOT_ISSUED, compare_sources, rank
from engraver.gear import decode_ring, encode_ring, slot_count
from engraver.issued import IssuedCodes, issue
from engraver.likelihood import ReadModel, join, legible_places
from engraver.registry import Row

MILLION = 1_000_000
SAMPLE = 20_000
ISSUED = MILLION
SEED = 20260105


def best_of(work: Callable[[], object], repeats: int = 5) -> float:
    """Return the shortest of several runs, in seconds."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def compare_rates() -> None:
    """Print the rates of encoding and checking, each beside its peer."""
    row = Row(1, 31, "EXAMPLE ARMS", "MODEL 1", template="ZQ999999")
    order = np.random.default_rng(SEED).permutation(MILLION)
    serials = [f"ZQ{i:06d}" for i in order]
    indices = batch.index_serials(serials, row)
    texts = [text.decode() for text in batch.encode_serials(serials, row).tolist()]
    peer = reedsolo.RSCodec(4, nsize=31, c_exp=5, prim=0x25, fcr=0)
    payloads = [bytes(int(p) >> 5 * j & 31 for j in range(8)) for p in indices[:SAMPLE]]
    words = [bytes(peer.encode(payload)) for payload in payloads]
    peer_encode = best_of(lambda: [peer.encode(p) for p in payloads]) / SAMPLE
    peer_check = best_of(lambda: [peer.check(w) for w in words]) / SAMPLE
    digits, name = fastest_check_character(serials[:SAMPLE])
    ours = {
        "serial texts -> 12-symbol texts": best_of(lambda: batch.encode_serials(serials, row)),
        "integers -> packed codes": best_of(lambda: batch.pack_indices(indices)),
        "checks of texts": best_of(lambda: batch.check_texts(texts, "pin32-12")),
    }
    first, second, third = (seconds / MILLION for seconds in ours.values())
    print(f"\nRates, one core, {MILLION:,} at a time, ns each")
    print(f"  reedsolo encode {peer_encode * 1e9:8.0f}   check {peer_check * 1e9:8.0f}")
    print(f"  python-stdnum, fastest check character ({name}) {digits * 1e9:6.0f}")
    for (what, seconds), peers in zip(
        ours.items(),
        (
            f"{peer_encode / first:6.0f} x reedsolo (40), {digits / first:5.1f} x stdnum (8)",
            f"{peer_encode / second:6.0f} x reedsolo (400)",
            f"{peer_check / third:6.0f} x reedsolo's check (40)",
        ),
        strict=True,
    ):
        print(f"  {what:34}{seconds / MILLION * 1e9:8.1f}   {peers}")


def fastest_check_character(serials: list[str]) -> tuple[float, str]:
    """Return seconds a call and name of the fastest; digits alone where no letters are taken."""
    results = {}
    for module in (luhn, verhoeff, damm, mod_11_2, mod_11_10, mod_37_2, mod_37_36):
        calc = module.calc_check_digit
        letters = module in (mod_37_2, mod_37_36)
        texts = serials if letters else [serial[2:] for serial in serials]
        results[module.__name__] = (
            best_of(lambda c=calc, t=texts: [c(text) for text in t]) / len(serials)  # type: ignore[misc]
        )
    name = min(results, key=lambda key: results[key])
    return results[name], name


def time_soft_calls() -> None:
    """Print how long one soft call over all issued codes takes."""
    print("\nSoft call over all issued codes, one core, ms (limits 50 and 500)")
    rng = np.random.default_rng(SEED)
    for count in (MILLION, 10 * MILLION):
        issued = issue(np.arange(count), FORMATS["pin32-12"])
        table = rng.normal(size=(12, 32))
        print(
            f"  N = {count:>10,}   {best_of(lambda i=issued, t=table: rank(t, i, 0.5)) * 1e3:7.1f}"
        )  # type: ignore[misc]


class Simulation:
    """Marks read under loss and confusion, called over 10^6 issued codes."""

    def __init__(self, name: str, trials: int, prior: float) -> None:
        self.format = FORMATS[name]
        self.issued: IssuedCodes = issue(np.arange(ISSUED), self.format)
        self.model = ReadModel()
        self.log_confusion = np.log(self.model.confusion)
        self.trials = trials
        self.prior = prior
        self.rng = np.random.default_rng([SEED, self.format.n])

    def sides(self) -> list[NDArray[np.bool_]]:
        """Return the sides that may go missing: outer columns, top and bottom row."""
        places = np.arange(self.format.n).reshape(self.format.rows, self.format.columns)
        sides = []
        for cut in (places[:, 0], places[:, -1], places[0], places[-1]):
            lost = np.zeros(self.format.n, dtype=bool)
            lost[cut[: max(1, len(cut) // 2)] if len(cut) == self.format.columns else cut] = True
            sides.append(lost)
        return sides

    def run(
        self, p: float, casings: int, issued: bool, one_side_lost: bool
    ) -> tuple[float, float, float]:
        """Return the shares of right and wrong calls at posterior 0.99, and of guarded wrong ones.

        A call is guarded where `evidence.call` would identify: chance matches under its limit.
        """
        right = wrong = guarded_wrong = 0
        for _ in range(self.trials):
            index = int(
                self.rng.integers(0, ISSUED) if issued else self.rng.integers(ISSUED, 1 << 30)
            )
            best, guarded = self.call(index, p, casings, one_side_lost)
            right += best == index
            wrong += best not in (None, index)
            guarded_wrong += guarded and best not in (None, index)
        return right / self.trials, wrong / self.trials, guarded_wrong / self.trials

    def probability_mixed(self, p: float, casings: int, two: bool) -> float:
        """Return the posterior of two sources for casings of one firearm, or of two."""
        first, second = self.rng.integers(0, ISSUED, 2)
        tables = []
        for at in range(casings):
            lost = self.sides()[self.rng.integers(4)]
            tables.append(self.read(self.word(second if two and at == 0 else first), p, lost))
        test = compare_sources(tables, self.issued, self.model, self.prior)
        return 0.0 if test is None else test.probability_mixed

    def word(self, index: int) -> NDArray[np.uint8]:
        """Return the symbol values of a code."""
        packed = batch.pack_indices(np.array([index]), self.format.name)
        return batch.symbols_of(packed, self.format.n)[0]

    def call(
        self, index: int, p: float, casings: int, one_side_lost: bool
    ) -> tuple[int | None, bool]:
        """Return the called index of one simulated mark (None: no call), and if it is guarded."""
        lost = (
            self.sides()[self.rng.integers(4)] if one_side_lost else np.zeros(self.format.n, bool)
        )
        tables = [self.read(self.word(index), p, lost) for _ in range(casings)]
        table = join(tables, self.model)
        ranked, _ = rank(table, self.issued, self.prior, 1)
        guarded = ISSUED * 32.0 ** -legible_places(table) <= CHANCE_LIMIT
        return (ranked[0].index if ranked[0].posterior >= CALL_POSTERIOR else None), guarded

    def read(
        self, word: NDArray[np.uint8], p: float, lost: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Return the table of one reader of one casing."""
        legible = (self.rng.random(len(word)) < p) & ~lost
        rows = self.model.confusion[word].cumsum(axis=1)
        seen = np.minimum((self.rng.random((len(word), 1)) > rows).sum(axis=1), 31)
        return np.where(legible[:, None], self.log_confusion[:, seen].T, 0.0)


def identify(trials: int, prior: float) -> None:
    """Print identification rates, wrong calls and calls of marks that were never issued."""
    for one_side_lost in (False, True):
        title = "half a row or a column lost on every casing" if one_side_lost else "independent"
        print(f"\nIdentified at posterior >= 0.99, %, 10^6 issued, prior {prior}", end="")
        print(f", {trials} trials, losses: {title}")
        print("  n    p   K=1    K=2    K=3    K=5   wrong %   never issued: called, identified %")
        wrong_calls = calls = stranger_calls = strangers = 0.0
        for name, p in product(FORMATS, (0.9, 0.7, 0.5)):
            simulation = Simulation(name, trials, prior)
            cells = [simulation.run(p, k, True, one_side_lost) for k in (1, 2, 3, 5)]
            open_cells = [simulation.run(p, k, False, one_side_lost) for k in (1, 2, 3, 5)]
            wrong = float(np.mean([w for _, w, _ in cells]))
            stranger = float(np.mean([w for _, w, _ in open_cells]))
            identified = float(np.mean([g for _, _, g in open_cells]))
            rights = "".join(f"{100 * r:6.1f} " for r, _, _ in cells)
            print(f" {simulation.format.n:2}  {p:.1f} {rights}", end="")
            print(f" {100 * wrong:8.3f} {100 * stranger:14.3f} {100 * identified:8.3f}")
            wrong_calls, calls = wrong_calls + wrong * 4 * trials, calls + 4 * trials
            stranger_calls, strangers = (
                stranger_calls + stranger * 4 * trials,
                strangers + 4 * trials,
            )
        print(f"  wrong {wrong_calls:.0f} of {calls:.0f}; never issued but called ", end="")
        print(f"{stranger_calls:.0f} of {strangers:.0f}")


def tell_sources_apart(trials: int) -> None:
    """Print how often one firearm and two are told apart, over 10^6 issued codes."""
    print(f"\nOne firearm or two? pin32-12, 10^6 issued, half-rows lost, {trials} trials, %")
    print("    p   K   one called two (P > 0.05)   two called one (P < 0.05)")
    simulation = Simulation("pin32-12", trials, PRIOR_NOT_ISSUED)
    for p, k in product((0.9, 0.7, 0.5), (2, 3)):
        alarms = misses = 0
        for _ in range(trials):
            alarms += simulation.probability_mixed(p, k, False) > 0.05
            misses += simulation.probability_mixed(p, k, True) < 0.05
        print(f"  {p:.1f}   {k}   {100 * alarms / trials:25.1f}   {100 * misses / trials:25.1f}")


def decode_rings(trials: int) -> None:
    """Print how often a ring with a missing arc anywhere, start mark included, is decoded."""
    print(f"\nGear ring, an arc missing anywhere, any turn, {trials} trials, %")
    print("  (right / none or several / wrong)")
    rng = np.random.default_rng(SEED)
    for name, missing in product(FORMATS, (8, 15, 22)):
        outcome = [0, 0, 0]
        for _ in range(trials):
            code = encode_index(int(rng.integers(1 << 30)), name)
            ring: list[int | None] = list(encode_ring(code))
            start = int(rng.integers(len(ring)))
            for at in range(start, start + missing):
                ring[at % len(ring)] = None
            turn = int(rng.integers(len(ring)))
            readings = decode_ring(ring[turn:] + ring[:turn], code.format)
            right = len(readings) == 1 and readings[0].decoded.code == code
            outcome[0 if right else 1 if len(readings) != 1 else 2] += 1
        shares = " / ".join(f"{100 * count / trials:5.1f}" for count in outcome)
        degrees = 360 * missing / slot_count(FORMATS[name])
        print(f"  {name:9} {missing:3} slots ({degrees:3.0f} degrees)   {shares}")


def main(words: list[str] | None = None) -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--prior", type=float, default=PRIOR_NOT_ISSUED, help="of never issued")
    parser.add_argument("--rates", action="store_true")
    options = parser.parse_args(words)
    compare_rates()
    time_soft_calls()
    if not options.rates:
        decode_rings(options.trials)
        tell_sources_apart(options.trials)
        identify(options.trials, options.prior)


if __name__ == "__main__":
    main()
