"""Settings: what each task asks and how it is configured, who reads, where everything lies, on which version."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from workbench.language import N_, _
from workbench.views.parts import settings_places, settings_readers, settings_tasks, settings_versions
from workbench.views.parts.context import Here, here
from workbench.views.parts.frame import framed, header
from workbench.views.parts.markup import tag
from workbench.views.parts.segments import segments

VIEWS: Mapping[str, tuple[str, Callable[[Here], None]]] = {
    "tasks": (N_("Tasks"), settings_tasks.tasks),
    "readers": (N_("Readers and roles"), settings_readers.readers),
    "places": (N_("Addresses and folders"), settings_places.places),
    "versions": (N_("Versions"), settings_versions.versions),
}


@framed
def page() -> None:
    """Show how the home is set up; what can be changed says where."""
    place = here()
    header(_("Settings"), tag("span", str(place.home.path), cls="c-quiet c-mono"))
    names = {key: _(title) for key, (title, part) in VIEWS.items()}
    VIEWS[segments(_("What is shown"), names, key="show")][1](place)
