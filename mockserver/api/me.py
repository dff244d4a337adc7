"""GET /v2/me: who is calling, and what the team can spend."""

from mockserver.api.gate import Gate
from mockserver.http.answers import Answer, json_answer
from mockserver.http.request import Request
from mockserver.http.router import Route
from mockserver.service import Service

DOCUMENTED_CONCURRENT_JOBS = 10
"""Shown where no limit is enforced: clients expect a number. Source: facts.md section 20."""


def routes(service: Service, gate: Gate) -> list[Route]:
    """The route."""

    async def get_me(request: Request) -> Answer:
        key, team = request.known_caller
        return json_answer(
            200,
            {
                "user": {"id": key.user_id, "email": key.email, "role": key.role},
                "team": {
                    "id": team.id,
                    "name": team.name,
                    "credits": await service.balance(team.id),
                    "plan": team.plan,
                    "customerId": team.customer_id,
                    "maxConcurrentJobs": team.max_concurrent_jobs or DOCUMENTED_CONCURRENT_JOBS,
                },
                "apiKey": {"id": key.id, "name": key.name, "prefix": key.prefix},
            },
        )

    return [Route("GET", "/v2/me", gate.keyed("me", get_me), is_prompt=True)]
