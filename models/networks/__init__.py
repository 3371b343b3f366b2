"""Network architectures, one family a file, reached by name through :mod:`models.networks.registry`."""
