"""The viewer: a canvas in the page, fed with voxels and masks by addresses that are signed and expire."""
