"""Pretrained weights: local files alone. Nothing is ever downloaded.

The files lie in the folder that ``CONSILIUM_WEIGHTS`` names, or in ``weights`` of the home.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

from torch import Tensor, nn

from data.errors import ConfigError
from data.home import Home
from models.networks.keras_file import from_keras, read_keras
from models.networks.registry import Architecture, Backbone, architecture

WEIGHTS_VARIABLE = "CONSILIUM_WEIGHTS"


@dataclass(frozen=True)
class WeightsFile:
    """A file of pretrained weights and its SHA-256, which the manifest keeps."""

    path: Path
    sha256: str


def weights_folder() -> Path:
    """Where pretrained weights are looked for."""
    named = os.environ.get(WEIGHTS_VARIABLE)
    return Path(named).expanduser() if named else Home.default().path / "weights"


def missing_note(network: str) -> str:
    """Which file would have to lie where, in one sentence."""
    pretrained = architecture(network).pretrained
    if pretrained is None:
        return f"{network} has no ImageNet weights."
    return (
        f"No ImageNet weights of {network} are at hand: put {' or '.join(pretrained.files)} "
        f"({pretrained.source}) into {weights_folder()}, or name another folder by {WEIGHTS_VARIABLE}."
    )


def find(network: str, weights: str) -> WeightsFile | None:
    """The file that training starts from.

    Parameters
    ----------
    network:
        In the registry.
    weights:
        ``none``, ``imagenet`` or a path, as in :class:`models.config.Stage`.

    Returns
    -------
    WeightsFile or None
        None for ``none``, and for ``imagenet`` where no file is at hand.

    Raises
    ------
    ConfigError
        A path is named where no file lies.
    """
    if weights == "none":
        return None
    if weights == "imagenet":
        pretrained = architecture(network).pretrained
        candidates = [weights_folder() / name for name in pretrained.files] if pretrained else []
        path = next((c for c in candidates if c.is_file()), None)
    else:
        path = Path(weights).expanduser()
        if not path.is_file():
            raise ConfigError(
                "The weights file is missing.",
                given=path,
                expected=f"a .safetensors, .pth or (Keras's) .h5 file with the weights of {network}",
                do="correct the stage's `weights`, or set it to none",
            )
    return None if path is None else WeightsFile(path, _sha256(path))


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file; one in torch's own form is read without running what it holds.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    import torch  # noqa: PLC0415
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        if path.suffix == ".h5":
            tensors = from_keras(read_keras(path))
        elif path.suffix == ".safetensors":
            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, SafetensorError, EOFError, ValueError, UnpicklingError) as error:
        raise _unfit(path, str(error).splitlines()[0] if str(error) else type(error).__name__) from error
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise _unfit(path, "it does not hold tensors by name")
    return tensors


def channels_of(tensors: dict[str, Tensor], network: Architecture, backbone: Backbone) -> int:
    """How many input channels a file's weights were trained with; 3 where they do not say."""
    prefix = network.pretrained.prefix if network.pretrained else ""
    stem = tensors.get(prefix + backbone.stem)
    return 3 if stem is None else int(stem.shape[1])


def load_backbone(network: Architecture, module: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """Put a file's weights into a backbone; those of its classifier are left.

    Raises
    ------
    ConfigError
        Tensors of the backbone are missing or have another shape.
    """
    prefix = network.pretrained.prefix if network.pretrained else ""
    wanted = module.state_dict()
    given = {name: tensors[prefix + name] for name in wanted if prefix + name in tensors}
    odd = [
        name
        for name, tensor in wanted.items()
        if not name.endswith("num_batches_tracked") and (name not in given or given[name].shape != tensor.shape)
    ]
    if odd:
        raise _unfit(path, f"{len(odd)} of {len(wanted)} tensors of {network.name} do not fit, first {odd[0]}")
    module.load_state_dict(given, strict=False)


def _unfit(path: Path, why: str) -> ConfigError:
    return ConfigError(
        "The weights file does not fit.",
        given=f"{path}: {why}",
        expected="tensors by name, of the architecture that the stage names",
        do="put the right file there, or remove it",
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
