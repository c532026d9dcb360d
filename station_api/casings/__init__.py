"""Casings as evidence: kept apart from the records of manufacture, visible to tracers alone."""
