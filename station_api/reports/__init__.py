"""Reports on paper: PDF set with typst, byte for byte the same from the same facts."""
