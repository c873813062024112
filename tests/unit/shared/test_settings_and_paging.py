import base64
import json
from pathlib import Path

import pytest

from services.shared.errors import Invalid
from services.shared.paging import MOST_COUNTED, decode_token, encode_token, page_size, total
from services.shared.settings import (
    SettingMissing,
    SettingWrong,
    choice,
    integer,
    required,
    seconds,
    secret_file,
)


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(SettingMissing, match="DUNLIN_X"):
        required({}, "DUNLIN_X")


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "²"])
def test_a_number_that_is_none_is_named(text: str) -> None:
    with pytest.raises(SettingWrong, match="DUNLIN_N"):
        integer({"DUNLIN_N": text}, "DUNLIN_N", 1)


@pytest.mark.parametrize("text", ["x", "-1", "nan", "inf"])
def test_seconds_are_finite_and_not_negative(text: str) -> None:
    with pytest.raises(SettingWrong, match="DUNLIN_S"):
        seconds({"DUNLIN_S": text}, "DUNLIN_S", 1)


def test_a_choice_names_what_may_be_chosen() -> None:
    with pytest.raises(SettingWrong, match="none, tls"):
        choice({"DUNLIN_C": "ssl"}, "DUNLIN_C", "none", ("none", "tls"))


def test_a_secret_comes_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("0123456789abcdef\n")
    assert secret_file({"DUNLIN_T": str(file)}, "DUNLIN_T") == "0123456789abcdef"
    with pytest.raises(SettingWrong, match="DUNLIN_T"):
        secret_file({"DUNLIN_T": str(tmp_path / "absent")}, "DUNLIN_T")
    file.write_text("short")
    with pytest.raises(SettingWrong, match="16"):
        secret_file({"DUNLIN_T": str(file)}, "DUNLIN_T")


@pytest.mark.parametrize("content", [b"a secret of\ntwo lines", "geheimer Schlüssel".encode(), b"\xff" * 20])
def test_a_secret_that_no_header_can_carry_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(SettingWrong, match="one line of ASCII"):
        secret_file({"DUNLIN_TOKEN_FILE": str(file)}, "DUNLIN_TOKEN_FILE")


def test_a_page_token_continues_only_its_own_query() -> None:
    token = encode_token("by name", "Łódź", 7)
    assert decode_token("by name", token) == ("Łódź", 7)
    assert decode_token("by name", "") == ()
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    print_, *key = json.loads(base64.urlsafe_b64decode(token))
    odd = base64.urlsafe_b64encode(json.dumps([print_, key[0], "seven"]).encode()).decode()
    other = encode_token("by date", "Łódź", 7)
    for wrong in (token[:-4], "💥", "bm90IGpzb24=", "eyJhIjoxfQ==", "W10=", deep, odd, other):
        with pytest.raises(Invalid) as refused:
            decode_token("by name", wrong)
        assert refused.value.reason == "PAGE_TOKEN_INVALID"


def test_page_sizes_have_a_default_and_a_limit() -> None:
    assert [page_size(asked, 50, 200) for asked in (0, 1, 500)] == [50, 1, 200]
    with pytest.raises(Invalid):
        page_size(-1, 50, 200)


def test_what_fits_on_one_page_is_not_counted_and_the_rest_only_up_to_a_limit() -> None:
    asked: list[int] = []

    def count(most: int) -> int:
        asked.append(most)
        return min(most, 1_000_000)

    assert total(7, is_all=True, count=count) == 7
    assert asked == []
    assert total(50, is_all=False, count=count) == MOST_COUNTED + 1
