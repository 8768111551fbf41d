"""Where the large providers give tokens, and for what: presets of `mailhub mailbox add --oauth`.

Sources: learn.microsoft.com "Authenticate an IMAP, POP or SMTP connection using OAuth" and "Refresh tokens";
developers.google.com "Gmail: OAuth 2.0 mechanism" and "OAuth 2.0 for mobile and desktop apps".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEVICE = "device"
CODE = "code"
CLIENT = "client-credentials"
FLOWS = (DEVICE, CODE, CLIENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Endpoints by flow; ``{tenant}`` stands for the organisation. ``life_days`` is how long a grant lasts unused."""

    token_url: str
    consent_urls: Mapping[str, str]  # by flow; the first is the usual one
    scopes: Mapping[str, str]  # by flow
    life_days: int | None = None


_LOGIN = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
_MAIL = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
_GOOGLE_MAIL = "https://mail.google.com/"

PROVIDERS: Mapping[str, Provider] = {
    "microsoft": Provider(
        token_url=f"{_LOGIN}/token",
        consent_urls={DEVICE: f"{_LOGIN}/devicecode", CODE: f"{_LOGIN}/authorize", CLIENT: ""},
        scopes={DEVICE: _MAIL, CODE: _MAIL, CLIENT: "https://outlook.office365.com/.default"},
        life_days=90,
    ),
    "google": Provider(  # Google's device flow gives no access to mail
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 an address
        consent_urls={
            CODE: "https://accounts.google.com/o/oauth2/v2/auth?access_type=offline&prompt=consent"
        },
        scopes={CODE: _GOOGLE_MAIL},
    ),
}
