"""What Consilium costs, and what it reaches, measured."""

import models  # noqa: F401 - sets how threads wait, before torch is loaded
