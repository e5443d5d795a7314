"""How the scope of a run is written, which decides whether a run continues another one."""

import pytest

from streams.fixity.run import Scope


@pytest.mark.parametrize(
    ("scope", "text"),
    [
        (Scope("all"), "all"),
        (Scope("sample", 1234567), "sample 1234567"),
        (Scope("older-than", 90.0), "older-than 90"),
        (Scope("older-than", 0.5), "older-than 0.5"),
    ],
)
def test_a_scope_is_written_with_its_exact_number(scope: Scope, text: str):
    assert str(scope) == text
