"""The Chromium that drives the browser tests. `python -m tests.support.chromium` prints where it is."""

import os
import shutil
import subprocess
import sys

# The shell is the same engine without windows, tabs and menus, whose drawing costs as much as that of the pages.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium-headless-shell", "chromium")
REQUIRED = "LTX_REQUIRE_BROWSER"  # set where a missing browser is a failure, not a reason to skip


def find() -> str | None:
    """The path named by CHROMIUM, else the first browser on the PATH."""
    named = os.environ.get("CHROMIUM", "").strip()
    return shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)


def is_required() -> bool:
    return os.environ.get(REQUIRED, "") not in {"", "0"}


def install() -> str | None:
    """Install the first of Debian's packages that there is, where this user may; returns its path."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None or not _apt("update"):
        return None
    for package in PACKAGES:
        if _apt("install", "-y", "--no-install-recommends", package):
            return find()
    return None


def _apt(*words: str) -> bool:
    """Its own output would end up in the variable that the caller fills."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    return not subprocess.run(
        ["apt-get", "-qq", *words], env=environment, stdout=sys.stderr, check=False
    ).returncode


def main() -> None:
    path = find() or (install() if "--install" in sys.argv else None)
    if path is None:
        sys.stderr.write("NO CHROMIUM: THE BROWSER TESTS ARE SKIPPED. Install it or set CHROMIUM=path.\n")
    sys.stdout.write(f"{path or ''}\n")


if __name__ == "__main__":
    main()
