"""A real headless Chromium, from Debian's packages."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.servers.debian import packages

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
FONTS = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include>
<dir>{root}/usr/share/fonts</dir><dir>/usr/share/fonts</dir><cachedir>{cache}</cachedir></fontconfig>
"""

PATIENCE = 10.0
"""Seconds that a page may take to do what it does after an event."""

DESK, PHONE = (1400, 900), (390, 844)
"""Sizes of screens, in CSS pixels."""


class Browser:
    """One browser with one page.

    Args:
        driver: What drives it.
        folder: Where pictures of what it shows are kept.
    """

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver, self.folder = driver, folder

    def open(self, page: Path, size: tuple[int, int] = DESK, *, dark: bool = False, mark: str = "") -> None:
        """Show a page on a screen of some size."""
        width, height = size
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=size == PHONE,
        )
        self.media(dark=dark)
        self.driver.get("about:blank")  # else another mark of the same page loads nothing anew
        self.driver.get(f"{page.as_uri()}{mark}")

    def media(self, *, dark: bool = False, kind: str = "") -> None:
        """Have the page believe in a colour scheme and a medium."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", media=kind, features=[scheme, still])

    def command(self, name: str, **arguments: Any) -> Any:
        """Give the browser a command of its own protocol."""
        return self.driver.execute_cdp_cmd(name, arguments)

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page and return what it returns."""
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return the first element that a selector selects."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return all elements that a selector selects."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def awaited(self, selector: str) -> WebElement:
        """Return the first element that a selector selects, as soon as there is one."""
        found: WebElement = WebDriverWait(self.driver, PATIENCE).until(lambda _: self.find(selector))
        return found

    def text(self, selector: str) -> str:
        """Return the text that is shown of an element."""
        return self.find(selector).text

    def press(self, *keys: str) -> None:
        """Press keys where the focus is."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def focused(self, attribute: str) -> str | None:
        """Return an attribute of what has the focus."""
        return self.driver.switch_to.active_element.get_attribute(attribute)

    def picture(self, name: str) -> bytes:
        """Return what is shown as PNG, and keep it."""
        data = base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])
        (self.folder / f"{name}.png").write_bytes(data)
        return data

    def printed(self, name: str) -> Path:
        """Return the page as it is printed on A4, with the settings that browsers have."""
        answer = self.command("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False)
        file = self.folder / f"{name}.pdf"
        file.write_bytes(base64.b64decode(answer["data"]))
        return file

    def complaints(self) -> list[str]:
        """Return what the page's console has: errors of scripts, and what its policy refused."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Run a browser with a profile of its own."""
    found = packages("chromium", "chromium-driver", "fonts-dejavu-core")
    fonts = folder / "fonts.conf"
    fonts.write_text(FONTS.format(root=found.root, cache=folder / "fonts"))
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(flag)
    inside = found.root / "usr/lib/chromium/chromium"  # what is in usr/bin starts the installed one
    options.binary_location = str(inside if inside.is_file() else found.program("chromium"))
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    # A library path beside its own libraries would have an installed one load others than it was built with.
    environment = found.environment if inside.is_file() else dict(os.environ)
    service = webdriver.ChromeService(
        str(found.program("chromedriver")), env={**environment, "FONTCONFIG_FILE": str(fonts)}
    )
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield Browser(driver, folder)
    finally:
        driver.quit()
