"""The certification pack of Cal. Penal Code 27531-27532: sample, wear series, statement, signed."""
