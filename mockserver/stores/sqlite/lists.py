"""Lists of jobs go by number, which stands for its list for ever, whatever is reset, so that it can be remembered."""

from mockserver.core.jobs import Job, loras_of
from mockserver.stores.sqlite.file import File

_LORAS = loras_of("")


class Lists:
    """The numbers of lists."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._numbers: dict[tuple[str, str, bool], int] = {}

    async def number(self, job: Job) -> int:
        """The list that a job stands in."""
        owner = (job.user_id, job.team_id, job.is_lora)
        known = self._numbers.get(owner)
        if known is None:
            known = self._numbers[owner] = await self._file.write(self._add, *owner)
        return known

    async def of(self, name: str) -> list[int]:
        """The numbers of the lists of a user, of all users of a team, or of the LoRAs of a team."""
        if name.startswith(_LORAS):
            found = await self._file.read(
                "SELECT list FROM lists WHERE team = ? AND is_lora = 1", (name.removeprefix(_LORAS),)
            )
        else:
            found = await self._file.read(
                "SELECT list FROM lists WHERE user = ?1 AND is_lora = 0"
                " UNION SELECT list FROM lists WHERE team = ?1 AND is_lora = 0",
                (name,),
            )
        return [number for (number,) in found]

    def _add(self, user_id: str, team_id: str, is_lora: bool) -> int:  # noqa: FBT001 - a column
        owner = (user_id, team_id, is_lora)
        self._file.execute("INSERT OR IGNORE INTO lists (user, team, is_lora) VALUES (?, ?, ?)", owner)
        ((number,),) = self._file.rows("SELECT list FROM lists WHERE user = ? AND team = ? AND is_lora = ?", owner)
        return int(number)
