"""Spanish or English, in words and in numbers."""

from dataclasses import dataclass

SPANISH, ENGLISH = "es", "en"
LANGUAGES = (SPANISH, ENGLISH)


@dataclass(frozen=True)
class Language:
    """Says one of two texts: `say("en español", "in English")`."""

    code: str

    def __call__(self, spanish: str, english: str) -> str:
        return spanish if self.code == SPANISH else english

    def number(self, value: int) -> str:
        """`1.234` in Spanish, `1,234` in English."""
        return self._marked(f"{value:,}")

    def decimal(self, value: float) -> str:
        return self._marked(f"{value:,.1f}")

    def percent(self, share: float) -> str:
        return f"{self._marked(f'{100 * share:.1f}')} %"

    def _marked(self, text: str) -> str:
        return text.translate(str.maketrans(",.", ".,")) if self.code == SPANISH else text
