"""The trace desk: from a partly legible code to the marks that may have made it.

`index` keeps the codes of all marks in memory-mapped files, `matching` finds what fits a pattern
and says how sure that is, `desk` puts one question through all of it and writes down that
it was asked. `rerun` asks the log itself, without the index.
"""
