"""GF(32) and polynomials over it, in plain integers.

In: field elements as integers 0..31, polynomials as lists of coefficients, lowest power
first. Out: the same. Addition and subtraction are XOR. Authority: docs/formats/pin32.md.
"""

from __future__ import annotations

from collections.abc import Sequence

FIELD_POLYNOMIAL = 0b100101
"""x^5 + x^2 + 1, so that GF(32) = GF(2)[x] / (x^5 + x^2 + 1) and alpha = x = 2."""

ORDER = 31
"""alpha^31 = 1: exponents count modulo 31."""


def _powers() -> tuple[int, ...]:
    """Return alpha^0 .. alpha^30."""
    values = [1]
    for _ in range(ORDER - 1):
        doubled = values[-1] << 1
        values.append(doubled ^ FIELD_POLYNOMIAL if doubled & 32 else doubled)
    return tuple(values)


EXP = _powers()
LOG = {value: power for power, value in enumerate(EXP)}


def times_alpha(value: int, power: int) -> int:
    """Return ``value * alpha^power``; ``power`` may be negative."""
    return EXP[(LOG[value] + power) % ORDER] if value else 0


def multiply(a: int, b: int) -> int:
    """Return the product of two elements.

    >>> multiply(16, 2)  # alpha^4 * alpha = alpha^5 = alpha^2 + 1
    5
    """
    return EXP[(LOG[a] + LOG[b]) % ORDER] if a and b else 0


def invert(a: int) -> int:
    """Return 1/a; ZeroDivisionError for 0."""
    if a == 0:
        raise ZeroDivisionError("0 has no inverse in GF(32)")
    return EXP[-LOG[a] % ORDER]


def trim(poly: Sequence[int]) -> list[int]:
    """Drop zero coefficients at the high end; the zero polynomial is the empty list."""
    end = len(poly)
    while end and poly[end - 1] == 0:
        end -= 1
    return list(poly[:end])


def add(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """Return a + b, trimmed."""
    longer, shorter = (a, b) if len(a) >= len(b) else (b, a)
    total = list(longer)
    for j, coefficient in enumerate(shorter):
        total[j] ^= coefficient
    return trim(total)


def times(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """Return the product of two polynomials, trimmed."""
    product = [0] * max(len(a) + len(b) - 1, 0)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            product[i + j] ^= multiply(x, y)
    return trim(product)


def divide(a: Sequence[int], b: Sequence[int]) -> tuple[list[int], list[int]]:
    """Return quotient and remainder of a / b; ``b`` must not be zero."""
    divisor, rest = trim(b), trim(a)
    lead = invert(divisor[-1])
    quotient = [0] * max(len(rest) - len(divisor) + 1, 0)
    for shift in range(len(quotient) - 1, -1, -1):
        factor = multiply(rest[shift + len(divisor) - 1], lead)
        quotient[shift] = factor
        for j, coefficient in enumerate(divisor):
            rest[shift + j] ^= multiply(factor, coefficient)
    return trim(quotient), trim(rest)


def evaluate(poly: Sequence[int], x: int) -> int:
    """Return poly(x), by Horner's rule."""
    value = 0
    for coefficient in reversed(poly):
        value = multiply(value, x) ^ coefficient
    return value


def vanishing(points: Sequence[int]) -> list[int]:
    """Return the product of (x - point), which is zero at all ``points`` and nowhere else."""
    product = [1]
    for point in points:
        product = times(product, [point, 1])
    return product


def interpolate(points: Sequence[int], values: Sequence[int]) -> list[int]:
    """Return the one polynomial of degree < len(points) through all (point, value) (Lagrange)."""
    whole = vanishing(points)
    total: list[int] = []
    for point, value in zip(points, values, strict=True):
        basis, _ = divide(whole, [point, 1])
        scale = multiply(value, invert(evaluate(basis, point)))
        total = add(total, [multiply(scale, coefficient) for coefficient in basis])
    return total


def decode_within_radius(points: Sequence[int], values: Sequence[int], k: int) -> list[int] | None:
    """Return the polynomial of degree < k that misses at most (n - k) // 2 of the values.

    Parameters
    ----------
    points, values
        n distinct evaluation points and the values read there; leave erased ones out.
    k
        Number of coefficients of the message.

    Returns
    -------
    list of int or None
        k coefficients, lowest power first; None if no such polynomial exists. There is never
        more than one: two of them would agree in k or more points.

    References
    ----------
    S. Gao, "A new algorithm for decoding Reed-Solomon codes" (2003), algorithm 1.
    """
    n = len(points)
    if n < k:
        return None
    high, low = vanishing(points), interpolate(points, values)
    v_high: list[int] = []
    v_low: list[int] = [1]
    while 2 * (len(low) - 1) >= n + k:
        quotient, rest = divide(high, low)
        high, low = low, rest
        v_high, v_low = v_low, add(v_high, times(quotient, v_low))
    message, rest = divide(low, v_low)
    if rest or len(message) > k:
        return None
    misses = sum(evaluate(message, x) != y for x, y in zip(points, values, strict=True))
    if 2 * misses > n - k:
        return None
    return message + [0] * (k - len(message))
