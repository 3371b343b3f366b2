"""The lumbar spine on MRI: stacks, levels, measurements, regions of interest, grades."""
