"""Ultralytics without a word to anybody: no telemetry, no look-ups, no downloads.

Merely importing the library asks name servers whether there is a network, and training sends usage figures and
fetches a font and a network unless it is told otherwise. Every use of it here begins with :func:`library`.

Licence: Ultralytics is AGPL-3.0, which is why this project is.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

SWITCHES = {
    "YOLO_OFFLINE": "1",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_VERBOSE": "false",
    "ULTRALYTICS_SAFE_LOAD": "1",
}
REPORTERS = ("sync", "clearml", "comet", "dvc", "hub", "mlflow", "neptune", "raytune", "wandb")
"""Integrations that would send something somewhere; each is switched off."""
FONTS = ("Arial.ttf", "Arial.Unicode.ttf")
"""Fonts that its data-set check would fetch; any font under these names will do."""


@cache
def library() -> Any:
    """The library, with every way out of the machine closed before it is imported.

    Its settings lie in a folder of their own that is made anew by each process, so that a user's own settings
    neither count nor change.
    """
    folder = Path(tempfile.mkdtemp(prefix="consilium-yolo-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.update(SWITCHES, YOLO_CONFIG_DIR=str(folder))
    os.environ.pop("ULTRALYTICS_API_KEY", None)
    threads = os.environ.get("OMP_NUM_THREADS")
    import ultralytics  # noqa: PLC0415 - only now is it safe
    from matplotlib import font_manager  # noqa: PLC0415

    if threads is None:  # it sets 1 for the whole process
        os.environ.pop("OMP_NUM_THREADS", None)
    settings: Any = ultralytics.settings
    settings.update({name: False for name in REPORTERS if name in settings})
    own = folder / "Ultralytics"
    own.mkdir(exist_ok=True)
    for name in FONTS:
        shutil.copyfile(font_manager.findfont("DejaVu Sans"), own / name)
    return ultralytics
