"""Where in the picture a classifier's answer comes from, and how that is shown.

References
----------
Selvaraju et al.: Grad-CAM: visual explanations from deep networks via gradient-based localization, ICCV 2017,
arXiv:1610.02391.
Nuñez, Anderton, Renslow: Optimizing colormaps with consideration for color vision deficiency, PLOS ONE 13 (2018),
e0199239 (cividis).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.classifier import Classifier

OPACITY = 0.6
"""Of the colours where the heat is highest."""


def grad_cam(
    classifier: Classifier, image: NDArray[np.uint8], option: int, *, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The Grad-CAM of one option.

    The channels of the last convolution are weighted with the mean gradient of the option's logit, summed, and
    what speaks against the option is set to 0 (Selvaraju et al., eq. 1 and 2).

    Parameters
    ----------
    image:
        (rows, columns), or (frames, rows, columns) of a clip, prepared for the classifier.
    option:
        Index of the option or finding.
    shape:
        (rows, columns) of the native picture, or (frames, rows, columns).

    Returns
    -------
    NDArray
        ``shape``, from 0 to 1; all 0 where nothing speaks for the option.
    """
    import torch  # noqa: PLC0415

    single = classifier.settings.exclusive and classifier.settings.outputs == 1
    with torch.enable_grad():
        with torch.no_grad():
            batch = classifier.tensor(image[None])
            features = classifier.network.features(batch)  # (1, C, h, w) or (1, C, f, h, w)
        features = features.detach().clone().requires_grad_(True)
        logits = classifier.network.head(features)
        score = logits[0, 0] * (1 if option == 1 else -1) if single else logits[0, option]
        (gradient,) = torch.autograd.grad(score, features)
    space = tuple(range(2, features.ndim))
    weights = gradient.mean(dim=space, keepdim=True)  # (1, C, 1, 1[, 1])
    heat = torch.relu((weights * features.detach()).sum(dim=1, keepdim=True)).float()
    mode = "bilinear" if len(space) == 2 else "trilinear"
    native = torch.nn.functional.interpolate(heat / heat.max().clamp_min(1e-12), shape, mode=mode)
    return np.clip(native[0, 0].cpu().numpy().astype(np.float32), 0.0, 1.0)


def overlay(picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A picture with its heat in the cividis map, which people with a colour vision deficiency read as well.

    Parameters
    ----------
    picture:
        (rows, columns), 8 bit.
    heat:
        The same shape, 0 to 1; the more, the less of the picture shows.

    Returns
    -------
    NDArray
        (rows, columns, 3), RGB.
    """
    import cv2  # noqa: PLC0415

    levels = np.rint(np.clip(heat, 0, 1) * 255).astype(np.uint8)
    colours = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB)
    share = (OPACITY * np.clip(heat, 0, 1))[..., None]
    mixed = (1 - share) * picture[..., None].astype(np.float32) + share * colours
    result: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return result
