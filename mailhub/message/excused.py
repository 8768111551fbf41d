"""Whether a host that sent a mail on excuses that DMARC fails for it: by a trusted sealer's own result. Pure.

Forwarders and lists break SPF, and often DKIM. Who had the mail from its author saw whether it was theirs, and seals
that (``arc``). It counts where the operator names the newest sealer of a whole chain (``authentication.trusted_sealers``),
where the chain verifies, and where that sealer's own field says ``dmarc=pass`` about the author's domain: what older
sets say, the newest sealer did not find. The failure stays as it was found; ``Authentication.sealer`` says who
excuses it. Sources: RFC 8617 5.2, 7.2; RFC 7489 5.8 (local policy).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mailhub.message import arc, dmarc
from mailhub.message.authentication_results import authentication_results, below_hop, says_pass
from mailhub.message.dns_questions import Rounds
from mailhub.message.spf import Spf
from mailhub.message.values import Authentication, Trust


def authenticate(
    raw: bytes, spf: Spf, now_seconds: int, sealers: frozenset[str] = frozenset()
) -> Rounds[Authentication]:
    """``dmarc.authenticate``, and where that fails what a trusted sealer found before. Keys are asked for in one round."""
    known = yield from dmarc.authenticate(raw, spf, now_seconds)
    if known.dmarc != "fail" or not sealers:
        return known

    chain = arc.read(raw, now_seconds)
    if chain is None or chain.sealer not in sealers or not says_pass(chain.results, known.domain):
        return known
    answers = yield chain.questions
    return replace(known, arc="pass", sealer=chain.sealer) if arc.verifies(chain, answers) else known


def by_trusted_host(
    fields: Sequence[tuple[bytes, bytes]], trust: Trust, author: str
) -> Authentication | None:
    """``authentication_results`` of a trusted host, which also verified the chain; None when no such field counts.

    Its word is ``arc=pass``, about the sets below its own Received: what it sealed itself later is no news of the author.
    """
    known = authentication_results(fields, trust.hosts, author)
    if known is None or known.dmarc != "fail" or known.arc != "pass" or not trust.sealers:
        return known

    below = fields[below_hop(fields, trust.hosts) :]
    sets = arc.sets_of(below, arc.SEALED)
    if not sets or (sealer := arc.sealer_of(below, sets[-1])) not in trust.sealers:
        return known
    return replace(known, sealer=sealer) if says_pass(arc.results_of(below, sets[-1]), author) else known
