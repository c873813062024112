"""The contract names every way in which the mailer may refuse."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
_CODE = re.compile(r'"([A-Z]+(?:_[A-Z]+)+)"')
_NO_REFUSALS = {"MESSAGE_STATE", "MESSAGE_EVENT_KIND", "TEMPLATE_TYPE", "CARD_DECLINED"}


def _codes() -> set[str]:
    mailer = ROOT / "services/mailer"
    files = [*mailer.glob("domain/*.py"), *mailer.glob("use_cases/*.py"), mailer / "converters.py"]
    found = {code for file in files for code in _CODE.findall(file.read_text(encoding="utf-8"))}
    return found - _NO_REFUSALS | {"PAGE_TOKEN_INVALID", "PAGE_SIZE_INVALID"}


def test_every_refusal_of_the_mailer_is_named_in_its_contract() -> None:
    protos = (ROOT / "protos/dunlin/mailer/v1").glob("*.proto")
    named = "\n".join(file.read_text(encoding="utf-8") for file in protos)
    assert len(_codes()) > 25
    assert {code for code in _codes() if not re.search(rf"\b{code}\b", named)} == set()
