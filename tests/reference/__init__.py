"""Independent references: the slow, obvious way to compute what the package computes fast."""
