"""The one place that knows the workbook's labels.

Everything that the workbook creates on an engine (images, containers, volumes, networks) carries
``ROLE``. Volumes and networks are the workbook's by that label alone. Images and containers inherit
the labels of the image that they are made from, so what a learner makes from an image of a check
has the label, too. Therefore clean-up asks for a second sign, which nothing inherits:

- A container carries its own name as a label (``CONTAINER``). One that was made from it, or from
  an image that was committed from it, has another name.
- An image has a name that begins with ``BUILT``: tags are never inherited.
- Base images carry no ``ROLE`` at all; they are known by a second tag in the workbook's namespace
  (``MARK``).
"""

from __future__ import annotations

#: Label key on everything the workbook creates; its value is one of the roles below.
ROLE = "docker-production-workbook.role"
#: Label key on containers; its value is the name that the workbook gave that very container.
CONTAINER = "docker-production-workbook.container"
#: Label key on stand-in base images; its value says in one sentence what the image is made of.
#: Images built on a stand-in inherit it, as they should: they are made of the same.
STAND_IN = "docker-production-workbook.stand-in"
#: Every image name that begins so is the workbook's own.
NAMESPACE = "docker-production-workbook/"
#: Repository of the tags that mark base images which the workbook pulled or made.
MARK = f"{NAMESPACE}base"
#: Every name that the workbook gives an image which it builds (of a check, of a lesson) begins so.
BUILT = "workbook/"

CHECK = "check"  # images and containers of an exercise check
LESSON = "lesson"  # what notebooks and experiments create
TOOL = "tool"  # registries, probes and other helpers


def labels(role: str) -> dict[str, str]:
    """Labels for an image, a volume or a network that the workbook creates in the given role."""
    return {ROLE: role}


def container_labels(role: str, name: str) -> dict[str, str]:
    """Labels for a container that the workbook creates under that name."""
    return {ROLE: role, CONTAINER: name}


def filters(key: str = ROLE) -> dict[str, str | list[str] | bool]:
    """The engine API's ``filters`` argument that selects what carries a label."""
    return {"label": key}
