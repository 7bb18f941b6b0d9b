"""The page on roles says what the matrix in the code says (C-02)."""

from pathlib import Path

from consigne.model.rights import MATRIX, Right, Role

PAGE = Path(__file__).parents[2] / "docs" / "rights.md"


def test_page_shows_the_matrix() -> None:
    """C-02: one table in code and in docs."""
    matrix = PAGE.read_text().partition("\n## ")[0]
    rows = [line for line in matrix.splitlines() if line.startswith("| ")]
    head = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert head == ["role", *(right.value for right in Right)]
    shown = {}
    for row in rows[1:]:
        role, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        shown[Role(role)] = frozenset(
            right for right, cell in zip(Right, cells, strict=True) if cell == "yes"
        )
    assert shown == MATRIX
