"""What the mock holds, as a sequence that is asked for anew at each look."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

_T_co = TypeVar("_T_co", covariant=True)


class Live(Sequence[_T_co]):
    """Read only; equal to any sequence of the same things. Each look asks the mock: for several, take `list(...)`."""

    @abstractmethod
    def _rows(self) -> Sequence[_T_co]:
        """All of them, now."""

    @overload
    def __getitem__(self, index: int) -> _T_co: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_T_co]: ...
    def __getitem__(self, index: int | slice) -> _T_co | Sequence[_T_co]:
        return self._rows()[index]

    def __len__(self) -> int:
        return len(self._rows())

    def __iter__(self) -> Iterator[_T_co]:
        return iter(self._rows())

    def __reversed__(self) -> Iterator[_T_co]:
        return reversed(self._rows())

    def __contains__(self, value: object) -> bool:
        return value in self._rows()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self._rows()) == list(other)

    __hash__ = None  # type: ignore[assignment] # as of every list

    def __repr__(self) -> str:
        return repr(list(self._rows()))
