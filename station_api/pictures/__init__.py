"""Pictures for people: drawn with matplotlib's Agg, the same bytes on every run."""
