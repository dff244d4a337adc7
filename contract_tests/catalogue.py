"""The clauses as people read them: a list, one explained, and docs/clauses.md."""

from collections.abc import Iterable
from difflib import get_close_matches

from contract_tests.clause import Clause
from contract_tests.clauses import AREAS, CLAUSES


class UnknownClause(Exception):
    """There is no clause of that name; the text names what looks alike."""


def chosen(names: Iterable[str]) -> list[str]:
    """The ids that were named, in any case; the name of an area stands for all of its clauses.

    Raises:
        UnknownClause: one of them is neither.
    """
    found: list[str] = []
    for name in (part.strip().upper() for part in names):
        if name in CLAUSES:
            found.append(name)
        elif name in AREAS:
            found += [clause.id for clause in CLAUSES.values() if clause.area == name]
        elif name:
            alike = get_close_matches(name, [*CLAUSES, *AREAS], n=1)
            hint = f"did you mean {alike[0]}?" if alike else "--list names them all"
            msg = f'there is no clause "{name[:40]}"; {hint}'
            raise UnknownClause(msg)
    return found


def listing(clauses: Iterable[Clause]) -> str:
    """One line a clause: id, level, tier, promise."""
    lines = [f"{clause.id:<10} {clause.level:<7} T{clause.tier}  {clause.promise}" for clause in clauses]
    return "\n".join(lines)


def explanation(clause: Clause) -> str:
    """Everything about one clause."""
    rows = {
        "level": clause.level.value,
        "source": clause.source,
        "tested": clause.how,
        "method": clause.method.value,
        "tier": f"T{clause.tier}",
        "costs": clause.cost,
        "needs": ", ".join(sorted(clause.needs)) or "nothing but the target",
        "defect": clause.broken_by or f"none: {clause.unbroken_because}",
    }
    return "\n".join([f"{clause.id}  {clause.promise}", "", *(f"  {name:<7} {text}" for name, text in rows.items())])


def page() -> str:
    """docs/clauses.md."""
    lines = [
        "# Clauses",
        "",
        "What the contract tests hold a server to. This page is printed from the clauses themselves",
        "(`mockserver verify --list --markdown`). *must*: a document or the vendor's client says so, and breaking it",
        "fails the run; *should*: a convention, and breaking it is a warning; *record*: nobody specifies it, the run",
        "notes what the server does.",
        "",
        "Tiers: T0 is free on a real endpoint, T1 needs the golden job, T2 further jobs, T3 runs on mocks alone.",
    ]
    for area, about in AREAS.items():
        lines += [
            "",
            f"## {area}: {about}",
            "",
            "| id | promise | level | tier | costs there | source | how | caught defect |",
        ]
        lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for clause in CLAUSES.values():
            if clause.area == area:
                cells = [clause.id, clause.promise, clause.level.value, f"T{clause.tier}", clause.cost, clause.source]
                cells += [
                    clause.how,
                    f"`{clause.broken_by}`" if clause.broken_by else f"none: {clause.unbroken_because}",
                ]
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
