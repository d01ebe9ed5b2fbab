"""The reviewed list of politicians as the lake holds it, and the time zone whose days the dataset is cut into."""

from zoneinfo import ZoneInfo

from politico.errors import RegistryError
from politico.lake import places
from politico.lake.bucket import Lake
from politico.tweets.politician import Registry, read_registry

DEFAULT_TIME_ZONE = "America/Santiago"
"""Of a lake that names none."""


def registry_text_if_any(lake: Lake) -> str | None:
    """The list as it was put there, sound or not; None when there is none."""
    held = lake.read_if_any(places.REGISTRY)
    return held[0].decode("utf-8-sig") if held else None


def registry_text(lake: Lake, remedy: str = "put the reviewed list of politicians there first") -> str:
    """The list as it was put there. Raises RegistryError, which tells the remedy, when there is none."""
    text = registry_text_if_any(lake)
    if text is None:
        raise RegistryError(f"there is no {places.REGISTRY} in the lake; {remedy}")
    return text


def time_zone_if_any(lake: Lake) -> str | None:
    """The name of the zone that the lake's days are cut by; None for a lake that names none."""
    settings = lake.read_json_if_any(places.REGISTRY_SETTINGS)
    return str(settings["time_zone"]) if settings else None


def open_registry(lake: Lake) -> tuple[Registry, ZoneInfo]:
    """The reviewed registry and the time zone whose days the dataset is cut into. Raises RegistryError."""
    registry = read_registry(registry_text(lake))
    return registry, ZoneInfo(time_zone_if_any(lake) or DEFAULT_TIME_ZONE)


def put_registry(lake: Lake, registry: Registry, time_zone: str | None = None) -> None:
    """Put the reviewed list into the lake; with a time zone, also whose days the dataset is cut into."""
    lake.write(places.REGISTRY, registry.to_csv().encode())
    if time_zone is not None:
        lake.write_json(places.REGISTRY_SETTINGS, {"time_zone": time_zone})
