from tests.journeys.conftest import profile, world

__all__ = ["profile", "world"]
