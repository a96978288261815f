"""A register of municipalities made by hand, in the columns of GV100AD. The places are invented."""

WIDTH = 220


def record(kind: str, key: str, name: str, as_of: str = "20260131", **columns: tuple[int, str]) -> str:
    """One record; `columns` are further ones as (first place counted from 1, text)."""
    line = list(" " * WIDTH)
    for place, text in ((1, kind), (3, as_of), (11, key), (23, name), *columns.values()):
        line[place - 1 : place - 1 + len(text)] = text
    return "".join(line)


def state(name: str, key: str = "08", as_of: str = "20260131") -> str:
    return record("10", key, name, as_of, seat=(73, "Hauptstadt"))


def municipality(
    ags: str, name: str, as_of: str = "20260131", *, type_code: str = "64", population: int = 3000, post_code: str = "71000"
) -> str:
    return record(
        "60",
        ags,
        name,
        as_of,
        association=(19, "5001"),
        type_code=(123, type_code),
        area=(129, f"{4200:011}"),
        population=(140, f"{population:011}"),
        men=(151, f"{population // 2:011}"),
        post_code=(166, post_code),
    )


def sample(as_of: str = "20260131") -> list[str]:
    """A state with everything that comes before municipalities, and 21 of them."""
    names = ["Mühlhausen an der Würm", "Ilsdorf, Stadt", "Großöhringen", "Änderungen"]
    names += [f"Neudorf {number:02}" for number in range(1, 17)]
    return [
        state("Baden-Württemberg", as_of=as_of),
        record("20", "081", "Stuttgart", as_of),
        record("30", "0811", "Region", as_of),
        record("40", "08115", "Musterkreis, Landkreis", as_of, seat=(73, "Musterstadt"), type_code=(123, "43")),
        record("50", "08115", "GVV Musterstadt", as_of, association=(19, "5001")),
        *(municipality(f"08115{number:03}", name, as_of) for number, name in enumerate(names, start=1)),
        municipality("08115900", "Gutsbezirk, gemfr. Gebiet", as_of, type_code="66", population=0, post_code=""),
    ]


def encoded(lines: list[str], encoding: str = "utf-8") -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode(encoding)
