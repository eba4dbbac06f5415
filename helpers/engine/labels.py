"""The one place that knows the workbook's labels.

Everything that the workbook creates on an engine (images, containers, volumes, networks) carries
``ROLE``. Clean-up goes by that label, so it can never touch what somebody else made.

Base images are the exception. Images and containers inherit the labels of the image that they are
made from, so with ``ROLE`` on a base, a learner's own image or container would look like the
workbook's. Bases carry no ``ROLE``; they are known by a second tag in the workbook's namespace
(``MARK``), because tags are never inherited.
"""

from __future__ import annotations

#: Label key on everything the workbook creates; its value is one of the roles below.
ROLE = "docker-production-workbook.role"
#: Label key on stand-in base images; its value says in one sentence what the image is made of.
#: Images built on a stand-in inherit it, as they should: they are made of the same.
STAND_IN = "docker-production-workbook.stand-in"
#: Every image name that begins so is the workbook's own.
NAMESPACE = "docker-production-workbook/"
#: Repository of the tags that mark base images which the workbook pulled or made.
MARK = f"{NAMESPACE}base"

CHECK = "check"  # images and containers of an exercise check
LESSON = "lesson"  # what notebooks and experiments create
TOOL = "tool"  # registries, probes and other helpers


def labels(role: str) -> dict[str, str]:
    """Labels for something that the workbook creates in the given role."""
    return {ROLE: role}


def filters() -> dict[str, str | list[str] | bool]:
    """The engine API's ``filters`` argument that selects what the workbook created."""
    return {"label": ROLE}
