"""`make verify-power`: plant each named defect and print whether its clause catches it."""

import sys

from contract_tests.clause import Level
from contract_tests.clauses import CLAUSES
from tests.power.catching import caught
from tests.power.defects import DEFECTS

SHOWN = 90


def main(only: list[str]) -> int:
    """The table; 1 when a must-clause misses its defect or a defect has no clause."""
    clauses = [clause for clause in CLAUSES.values() if clause.broken_by and (not only or clause.id in only)]
    missed = []
    print(f"{'clause':<10} {'level':<7} {'defect':<34} {'caught':<8} {'seconds':>7}  what was seen")
    for clause in clauses:
        catch = caught(clause)
        is_caught = catch.is_caught(clause)
        if not is_caught:
            missed.append(clause)
        said = "yes" if is_caught else f"NO: {catch.verdict}"
        seen = " ".join(catch.saw.split())[:SHOWN]
        row = f"{clause.id:<10} {clause.level:<7} {clause.broken_by:<34} {said:<8} {catch.took_s:>7.2f}  {seen}"
        print(row, flush=True)
    unused = sorted(set(DEFECTS) - {clause.broken_by for clause in CLAUSES.values()})
    unbroken = [clause for clause in CLAUSES.values() if not clause.broken_by]
    print(f"{len(clauses) - len(missed)} of {len(clauses)} defects caught; {len(unbroken)} clauses have none")
    for clause in unbroken:
        print(f"  {clause.id}: {clause.unbroken_because}")
    if unused and not only:
        print(f"defects that no clause names: {', '.join(unused)}")
    return int(any(clause.level is Level.MUST for clause in missed) or bool(unused and not only))


if __name__ == "__main__":
    sys.exit(main([name.upper() for name in sys.argv[1:]]))
