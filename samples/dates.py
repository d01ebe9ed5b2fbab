"""Days and months in Spanish."""

from datetime import datetime

MONTHS = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
WEEKDAYS = ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado")
"""The days on which something takes place: on Sundays the country rests."""


def day_and_month(moment: datetime) -> str:
    """`3 de mayo`."""
    return f"{moment.day} de {MONTHS[moment.month - 1]}"
