"""The clinical tasks, one file each. They are discovered; there is no list to edit."""
