"""Ways to choose which cases are read next: one file a method, by name in ``registry``.

Every method sees the same :class:`View` and gives :class:`Picks`. None knows tasks, studies or the store, and none
keeps anything: the same view and generator give the same picks.
"""
