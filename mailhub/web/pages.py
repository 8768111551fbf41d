"""The pages put into the app of the API, whose doors and bounds they share (``api.doorway``, ``api.peer``)."""

from __future__ import annotations

from fastapi import FastAPI

from mailhub.callers.rates import Rates
from mailhub.web import deletion, password, privacy
from mailhub.web.inbox import answering, help, lists, messages, screens, signing_in, tickets

PUBLIC = (privacy, password, deletion)
INBOX = (screens, signing_in, lists, tickets, answering, messages, help)


def install(app: FastAPI) -> FastAPI:
    """Serve the pages, too. They are no part of the API and not in its description."""
    app.state.page_rates = Rates()
    for module in (*PUBLIC, *INBOX):
        app.include_router(module.router, include_in_schema=False)
    return app
