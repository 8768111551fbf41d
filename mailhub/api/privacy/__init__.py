"""Routes about people's data: contacts, erasures, exports, holds, consents, breaches, retention."""
