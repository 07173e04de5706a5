"""python -m tests.browser: make sure that the browser tests find a Chromium. In CI one that is missing fails."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
# The first is Chromium without windows: a quarter less computing for the same pages.
SHELL = "chromium-headless-shell"
SYSTEM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, (SHELL, "chromium", "chromium-browser"))), None)
MISSING = "no browser: install chromium (apt-get install chromium) or run `playwright install chromium`"


def present() -> bool:
    """Whether the tests have a browser: the system's, or Playwright's own."""
    if SYSTEM or shutil.which(SHELL) or shutil.which("chromium"):
        return True
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def main() -> int:
    """Look, install, look again."""
    quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    can_install = os.getuid() == 0 and shutil.which("apt-get")
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
    if can_install and not shutil.which(SHELL) and not os.environ.get("CHROMIUM"):
        print(f"Installing {SHELL} …", flush=True)
        if not present():
            subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=False)
        subprocess.run([*install, SHELL], env=quiet, check=False, capture_output=True)
    if present():
        return 0
    if can_install:
        subprocess.run([*install, "chromium"], env=quiet, check=False)
    if not present():
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if present():
        return 0
    print(f"!!! {MISSING}; the browser tests will {'fail' if CI else 'be skipped'}", file=sys.stderr)
    return int(CI)


if __name__ == "__main__":
    sys.exit(main())
