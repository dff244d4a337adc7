"""What a run has touched of the contract, and what there is."""

from typing import Any

from contract_tests.contract import Contract
from contract_tests.session import Session
from contract_tests.strategies import boundaries


def coverage(contract: Contract, session: Session) -> dict[str, Any]:
    """Operations, answers, models and limits, as the report has them."""
    known = {operation.id: operation for operation in contract.operations}
    statuses = {(op.id, status): True for op in known.values() for status in op.answers}
    statuses |= {place: place in statuses for place in session.statuses if place not in statuses}
    names = sorted({limit.name for model in contract.models for limit in boundaries(model)})
    models = [model.id for model in contract.models]
    return {
        "operations": {
            "covered": [name for name in known if any(name == op for op, _ in session.statuses)],
            "all": list(known),
        },
        "statuses": [
            {"operation": name, "status": status, "documented": documented, "seen": session.statuses[name, status]}
            for (name, status), documented in sorted(statuses.items())
        ],
        "models": {"covered": [name for name in models if name in session.models], "all": models},
        "limits": {"covered": [name for name in names if name in session.limits], "all": names},
    }
