"""Which cases need a person, what the persons agreed, and when a model is better."""
