"""Synthetic studies with known truth, one module per task, and the bodies and machines that they share."""
