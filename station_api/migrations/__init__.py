"""Migrations of the records' tables, run by Alembic.

In: a database at any earlier schema. Out: the same at this program's. Each step stands in
``versions`` and is written out in full: it never follows later changes of `records.tables`.
"""
