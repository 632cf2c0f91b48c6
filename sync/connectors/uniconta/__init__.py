"""Uniconta: OData for reading, the REST-like entity calls for writing. Facts: `uniconta-api.md`, sections 1, 5, 8."""

from sync.connectors.uniconta.client import UnicontaConnector as UnicontaConnector
