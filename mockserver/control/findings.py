"""/_mock/findings: what clients did against the contract or against good sense."""

from mockserver.control.levers import PREFIX, Levers, answer
from mockserver.control.queries import query_of
from mockserver.core.signing import key_digest
from mockserver.http.answers import Answer
from mockserver.http.request import Request
from mockserver.http.router import Route


def routes(levers: Levers) -> list[Route]:
    """The two routes."""
    findings = levers.findings

    async def get_findings(request: Request) -> Answer:
        sent = query_of(request, "key")
        digest = key_digest(sent["key"]) if "key" in sent else ""
        await levers.journal.refresh()
        return answer({"findings": findings.shown(digest), "dropped": findings.dropped})

    async def delete_findings(request: Request) -> Answer:
        sent = query_of(request, "key")
        await levers.journal.refresh()
        async with levers.sharing.turn():
            findings.forget_for_all(key_digest(sent["key"]) if "key" in sent else "")
        return Answer(204)

    return [
        Route("GET", f"{PREFIX}/findings", get_findings),
        Route("DELETE", f"{PREFIX}/findings", delete_findings),
    ]
