"""Columns that look like personal data, by name and values: a draft declares them as sensitive."""

import re

from mlops_assets.scaffolding.column_profile import ColumnProfile

_PERSON = re.compile(
    r"(^|_)((first|last|given|family|middle|maiden|full|birth|"
    r"customer|client|patient|contact|person|employee|user)_?name|surname|"
    r"(vor|nach|familien)name|prenom|apellidos?)(_|$)"
)
"""Names of persons in a column's name in lower case, between underscores."""
_CONTACT = re.compile(
    r"(^|_)(e_?mail|(tele)?phone|mobile|msisdn|telefono?|iban|passport|ssn|nino|social_security|"
    r"(national|personal|tax|social_insurance)_?(id|no|number))"
    r"(_?(address|adresse|id|no|nr|num|number|nummer|hash))?(?P<more>_|$)"
)
"""Contacts and numbers of persons; `more` is not empty if the name goes on, as in `phone_service`."""
_FLAG_VALUES = 2
_SHARE = 0.05
"""Distinct values per row from which a name that goes on is one of personal data: `phone_of_buyer`."""
_DIGITS = 5
"""Digits of the greatest number from which integers may be numbers of persons, and no count."""
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SSN = re.compile(r"\d{3}-\d{2}-\d{4}")
_PHONE = re.compile(r"\+[1-9]\d{0,2}[\s/().-]?\d[\d\s/().-]{5,16}")


def is_personal(column: ColumnProfile) -> bool:
    """Whether a column looks like personal data.

    By its name, if it has text or integers: names of persons, e-mail, telephone, national and tax numbers.
    Flags and counts, such as `email_opened` and `phone_calls`, and short lists, such as `mobile_plan`, are
    no personal data.
    By its values, if both the smallest and the greatest text is an e-mail address, an IBAN with valid check
    digits, an international telephone number, or a social security number of the United States.
    """
    if column.sql_type not in ("VARCHAR", "BIGINT") or not column.distinct:
        return False
    name = _snake_case(column.name)
    if column.sql_type == "VARCHAR" and _PERSON.search(name):
        return True
    if (found := _CONTACT.search(name)) and _identifies(column, goes_on=bool(found["more"])):
        return True
    ends = (column.least.strip(), column.greatest.strip())
    tests = (_EMAIL.fullmatch, _SSN.fullmatch, _PHONE.fullmatch, _is_iban)
    return column.sql_type == "VARCHAR" and any(all(map(test, ends)) for test in tests)


def _identifies(column: ColumnProfile, *, goes_on: bool) -> bool:
    """Whether values may identify persons: they are neither flags nor counts nor a short list."""
    if column.distinct <= _FLAG_VALUES < column.rows:
        return False
    if column.sql_type == "BIGINT":
        return len(column.greatest.lstrip("-")) >= _DIGITS
    return not goes_on or column.distinct > _SHARE * column.rows


def _snake_case(name: str) -> str:
    """A name in lower case with underscores: `customerEmail` and `E-Mail` as `customer_email`, `e_mail`."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"\W+", "_", parted).lower()


def _is_iban(text: str) -> bool:
    """Whether a text is an IBAN with valid check digits (ISO 13616: the number modulo 97 is 1)."""
    plain = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    return int("".join(str(int(each, 36)) for each in plain[4:] + plain[:4])) % 97 == 1
