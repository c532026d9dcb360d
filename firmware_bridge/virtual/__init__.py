"""The virtual engraver: a controller, its motion and a pin, knowing only the bytes it received.

``firmware`` (sans-IO) is served by ``terminal``; ``station`` wires it to ``beam`` and ``pin``.
"""
