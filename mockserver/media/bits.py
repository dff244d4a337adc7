"""Bits put one after the other, as the formats of videos and tracks want them."""


class Bits:
    """Grows by fields of a few bits, highest first, and by whole bytes."""

    def __init__(self) -> None:
        self._done = bytearray()
        self._value = self._count = 0
        """The bits that are not yet in `_done`."""

    def put(self, value: int, count: int) -> None:
        """Add *value*, which fits into *count* bits."""
        self._value = self._value << count | value
        self._count += count

    def fields(self, *fields: tuple[int, int]) -> None:
        """Add several values, each with its count of bits."""
        for value, count in fields:
            self.put(value, count)

    def unsigned(self, *values: int) -> None:
        """Add Exp-Golomb codes: ue(v) of H.264."""
        for value in values:
            self.put(value + 1, 2 * (value + 1).bit_length() - 1)

    def signed(self, *values: int) -> None:
        """Add signed Exp-Golomb codes: se(v) of H.264."""
        self.unsigned(*(2 * value - 1 if value > 0 else -2 * value for value in values))

    def align(self) -> None:
        """Add zero bits up to the next whole byte."""
        missing = -self._count % 8
        self._done += (self._value << missing).to_bytes((self._count + missing) // 8, "big")
        self._value = self._count = 0

    def whole(self, content: bytes) -> None:
        """Add bytes, after zero bits up to the next whole one."""
        self.align()
        self._done += content

    def to_bytes(self) -> bytes:
        """All of it, with zero bits up to a whole byte."""
        self.align()
        return bytes(self._done)

    def taken(self) -> tuple[int, int]:
        """All of it as one number and its count of bits."""
        count = 8 * len(self._done) + self._count
        return int.from_bytes(self._done, "big") << self._count | self._value, count
