"""How names are told apart, sorted and found."""

import hashlib
import unicodedata

from emon_contracts.values import name_key

# Keys stand in B-tree indexes, whose rows hold about 2,700 bytes at most; compatibility forms can make a name 18 times as long.
KEY_LENGTH_MAX = 250

_DIGRAPHS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def identity_key(name: str) -> str:
    """What two spellings of one name have in common, in bounded length."""
    key = name_key(name)
    return key if len(key) <= KEY_LENGTH_MAX else hashlib.sha256(key.encode()).hexdigest()


def search_key(name: str) -> str:
    """What names are sorted by and searched in: letters without marks (DIN 5007 variant 1: ü as u, ß as ss).

    A name with umlauts has a second line in which they are spelt out, so that Müllheim is found as Mullheim and Muellheim.
    """
    plain = search_term(name)[:KEY_LENGTH_MAX]
    spelt_out = search_term(unicodedata.normalize("NFC", name).casefold().translate(_DIGRAPHS))[:KEY_LENGTH_MAX]
    return plain if plain == spelt_out else f"{plain}\n{spelt_out}"


def search_term(text: str) -> str:
    """What somebody typed, as it would stand in a `search_key`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(character for character in decomposed if not unicodedata.combining(character)).split())
