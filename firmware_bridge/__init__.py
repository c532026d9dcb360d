"""The serial link: a checked program out, a receipt back."""
