"""The pure core of pinmark: values in, values out.

No I/O, no clock, no randomness, no logging, no framework. Lengths are micrometres (`_um`),
points are ``(n, 2)`` or ``(n, 3)`` float64 arrays. The walk through these rooms is told in
ARCHITECTURE.md, "Life of one work order".
"""
