"""Curation: from reports and quality answers to named data sets, with every exclusion counted.

The functions are pure and the records frozen: the caller gives :class:`data.curation.candidates.Candidate` and
gets a :class:`data.curation.flow.Curated` back. Nothing here knows the store.
"""
