"""The law's papers: the firearms book, its corrections and prints, events, packs and audits."""
