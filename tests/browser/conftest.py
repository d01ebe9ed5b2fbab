"""A real Chromium, the system's, by POLITICO_CHROMIUM or on the PATH: without one tests are skipped, and under CI they fail."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _path() -> str | None:
    given = os.environ.get("POLITICO_CHROMIUM")
    return given or next((found for name in NAMES if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """Playwright's browser object."""
    path = _path()
    if path is None:
        why = "no Chromium on the PATH; install one (apt-get install chromium), or name it in POLITICO_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()
