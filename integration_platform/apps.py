"""Registers the system checks."""

from django.apps import AppConfig


class IntegrationPlatformConfig(AppConfig):
    name = "integration_platform"

    def ready(self) -> None:
        """Importing the module registers its checks."""
        from integration_platform import checks  # noqa: F401 - settings must be ready first
