"""What predicts."""

import os

# Before torch is loaded: threads that have nothing to do sleep. By themselves they wait busily, and where anything
# else wants the cores a network then takes three times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
