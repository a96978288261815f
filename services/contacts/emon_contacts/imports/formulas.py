"""Cells of a file that a spreadsheet opens: nothing in them is to be taken for a formula. Pure.

What others typed stands in the rows that are handed back, and a spreadsheet computes whatever begins like a formula (OWASP, CSV
Injection). An apostrophe before it keeps it text. It is taken away again when the mended file is handed in, so that nothing
changes on the way: a telephone number that begins with a plus stays one.
"""

import re

# An apostrophe that stood there before gets a further one, so that each cell comes back as it was.
_LIKE_A_FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")


def defused(cell: str) -> str:
    """The cell as text for every spreadsheet."""
    return f"'{cell}" if _LIKE_A_FORMULA.match(cell) else cell


def restored(cell: str) -> str:
    """What `defused` was given."""
    return cell[1:] if cell.startswith("'") and _LIKE_A_FORMULA.match(cell) else cell
