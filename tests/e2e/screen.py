"""What a person sees of what a program writes to a terminal."""

from __future__ import annotations

import re

_SEQUENCE = re.compile(r"\x1b\[(?P<number>[0-9;?]*)(?P<what>[A-Za-z])|\x1b(?P<short>[78D])|(?P<one>[\s\S])")


class Screen:
    """A terminal as far as programs here use it: cursor up and down, saving it, clearing below, colours.

    Attributes:
        lines: all that was shown, from the first line on, also what has left the screen.
    """

    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        """Make an empty one."""
        self._columns, self._rows = columns, rows
        self._top = 0
        self._cells: list[list[str]] = [[" "] * columns for _ in range(rows)]
        self._row = self._column = 0
        self._saved = (0, 0)

    @property
    def lines(self) -> list[str]:
        found = ["".join(row).rstrip() for row in self._cells]
        while found and not found[-1]:
            found.pop()
        return found

    def write(self, text: str) -> Screen:
        """Show what a program wrote."""
        for match in _SEQUENCE.finditer(text):
            if match["one"]:
                self._put(match["one"])
            elif match["short"]:
                self._short(match["short"])
            else:
                self._sequence(match["what"], match["number"])
        return self

    def _put(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\n":
            self._down()
        else:
            assert character.isprintable(), repr(character)
            if self._column == self._columns:
                self._column = 0
                self._down()
            self._cells[self._top + self._row][self._column] = character
            self._column += 1

    def _down(self) -> None:
        if self._row == self._rows - 1:
            self._top += 1
            self._cells.append([" "] * self._columns)
        else:
            self._row += 1

    def _short(self, what: str) -> None:
        if what == "7":
            self._saved = self._row, self._column
        elif what == "8":
            self._row, self._column = self._saved
        else:
            self._down()

    def _sequence(self, what: str, number: str) -> None:
        count = int(number) if number.isdigit() else 1
        if what == "A":
            self._row = max(self._row - count, 0)
        elif what == "B":
            self._row = min(self._row + count, self._rows - 1)
        elif what == "J":
            row = self._cells[self._top + self._row]
            row[self._column :] = [" "] * (self._columns - self._column)
            for below in self._cells[self._top + self._row + 1 :]:
                below[:] = [" "] * self._columns
        else:
            assert what == "m", f"unknown sequence {number}{what}"
