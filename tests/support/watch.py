"""Listens to what a browser complains about while a test drives it."""

from playwright.sync_api import ConsoleMessage, Page, Request


class Watch:
    """`complaints` are console errors and warnings, failing scripts, and requests to any other site than these."""

    def __init__(self, page: Page, *sites: str) -> None:
        self.complaints: list[str] = []
        self.sites = sites
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # The browser reports every refused form and lost connection; the tests provoke both.
        provoked = "status of 422" in message.text or "ERR_" in message.text
        if message.type in {"error", "warning"} and not provoked:
            self.complaints.append(message.text)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((*self.sites, "data:", "blob:")):
            self.complaints.append(request.url)
