"""The tables of the store, a file for each kind of record. They are reached as attributes of the store."""
