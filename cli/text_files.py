"""A person's text file, or one sentence on why it can't be read."""

from pathlib import Path

from politico.errors import FileFormatError


def read_text_file(path: Path) -> str:
    """Its text, without a byte order mark. Raises FileFormatError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileFormatError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{path} is no UTF-8 text ({error.reason}); save it as CSV UTF-8") from error
