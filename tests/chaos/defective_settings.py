"""The product's settings, and one defect more (see defects.py)."""

from integration_platform.settings import *  # noqa: F403
from integration_platform.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos.defects.DefectsConfig"]
