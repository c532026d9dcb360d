"""The quality engineer's room: figures of the records, charts, gauge studies, recipe releases."""
