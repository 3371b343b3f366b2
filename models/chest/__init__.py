"""Sorting chest CT: slabs of slices, lungs, the four networks and the rule that joins them."""
