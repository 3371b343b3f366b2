"""Importers of public data sets: one module a set, from its own folder layout to records."""
