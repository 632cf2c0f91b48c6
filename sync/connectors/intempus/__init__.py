"""Intempus: a django-tastypie API under `/web/v1/`. Facts: `intempus-api.md`, sections 1, 3, 5, 8."""

from sync.connectors.intempus.client import IntempusConnector as IntempusConnector
from sync.connectors.intempus.uris import uri as uri
