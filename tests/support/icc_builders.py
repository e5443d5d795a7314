"""Writes small ICC profiles, and does their arithmetic on its own, to judge what is made by them."""

import struct
from collections.abc import Sequence

import pyvips

D50 = (0.9642, 1.0, 0.8249)
D65 = (0.95047, 1.0, 1.08883)
BRADFORD = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
ADOBE_LIKE = (((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65)
ECI_LIKE = (((0.67, 0.33), (0.21, 0.71), (0.14, 0.08)), D50)
SRGB = (((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65)
ADOBE_GAMMA = 563 / 256
Vector = Sequence[float]
Matrix = Sequence[Vector]


def times(matrix: Matrix, vector: Vector) -> list[float]:
    return [sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix]


def product(left: Matrix, right: Matrix) -> list[list[float]]:
    columns = list(zip(*right, strict=True))
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in columns]
            for row in left]  # fmt: skip


def inverse(m: Matrix) -> list[list[float]]:
    (a, b, c), (d, e, f), (g, h, i) = m
    det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return [
        [(e * i - f * h) / det, (c * h - b * i) / det, (b * f - c * e) / det],
        [(f * g - d * i) / det, (a * i - c * g) / det, (c * d - a * f) / det],
        [(d * h - e * g) / det, (b * g - a * h) / det, (a * e - b * d) / det],
    ]


def to_xyz_d50(space: tuple[Sequence[tuple[float, float]], Vector]) -> list[list[float]]:
    """Linear RGB to XYZ under D50 (Bradford), from primaries and white."""
    primaries, white = space
    columns = [(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]
    raw = [list(row) for row in zip(*columns, strict=True)]
    shares = times(inverse(raw), white)
    scaled = [[value * share for value, share in zip(row, shares, strict=True)] for row in raw]
    seen, wanted = times(BRADFORD, white), times(BRADFORD, D50)
    diagonal = [[wanted[i] / seen[i] if i == j else 0.0 for j in range(3)] for i in range(3)]
    return product(product(product(inverse(BRADFORD), diagonal), BRADFORD), scaled)


def lab_to_xyz(lab: Vector) -> list[float]:
    fy = (lab[0] + 16) / 116
    parts = (fy + lab[1] / 500, fy, fy - lab[2] / 200)
    return [w * (t**3 if t > 6 / 29 else 3 * (6 / 29) ** 2 * (t - 4 / 29))
            for t, w in zip(parts, D50, strict=True)]  # fmt: skip


def xyz_to_lab(xyz: Vector) -> list[float]:
    fx, fy, fz = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in (value / white for value, white in zip(xyz, D50, strict=True))
    )
    return [116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)]


def srgb_to_lab(rgb: Vector) -> list[float]:
    """What numbers of sRGB look like, under D50 (IEC 61966-2-1)."""
    linear = [
        v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (n / 255 for n in rgb)
    ]
    return xyz_to_lab(times(to_xyz_d50(SRGB), linear))


def srgb_curve(linear: float) -> float:
    return 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


def lstar_curve(linear: float) -> float:
    """The tone curve of eciRGB v2: the lightness of CIE."""
    return xyz_to_lab((0, linear, 0))[0] / 100


def adobe_curve(linear: float) -> float:
    return max(0.0, linear) ** (1 / ADOBE_GAMMA)


def delta_e_2000(one: Vector, other: Vector) -> float:
    def pixel(lab: Vector) -> pyvips.Image:
        return (pyvips.Image.black(1, 1) + list(lab)).copy(interpretation="lab")

    return float(pixel(one).dE00(pixel(other)).avg())


def matrix_profile_v2(name: str, columns: Matrix, gamma: float, floor: float = 0.0) -> bytes:
    """A profile of three primaries and one exponent, version 2; its black may be lifted."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))
    if floor:
        steps = [round(65535 * (floor + (1 - floor) * (n / 255) ** gamma)) for n in range(256)]
        curve = b"curv" + struct.pack(">II256H", 0, 256, *steps)
    return _profile(0x02400000, b"RGB ", [*_named_v2(name), *_primaries(columns, curve)])


def matrix_profile_v4_lstar(name: str, columns: Matrix) -> bytes:
    """A profile of three primaries and the lightness curve, version 4."""
    values = (3.0, 100 / 116, 16 / 116, 100 / 903.2963, 0.08)
    curve = b"para" + struct.pack(">IHH", 0, 3, 0) + b"".join(map(_fixed, values))
    text = name.encode("utf-16-be")
    record = struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28)
    mluc = b"mluc" + bytes(4) + record + text
    tags = [(b"desc", mluc), (b"cprt", mluc), (b"wtpt", _xyz(D50))]
    return _profile(0x04200000, b"RGB ", [*tags, *_primaries(columns, curve)])


def table_profile(name: str, points: int = 17) -> bytes:
    """A scanner's profile by a table from sRGB to L*a*b* (lut16Type, ICC.1:2001 6.5.8)."""
    steps = [at / (points - 1) for at in range(points)]
    table = b"".join(
        struct.pack(">3H", round(lab[0] * 652.8), *(round((one + 128) * 256) for one in lab[1:]))
        for lab in (
            srgb_to_lab((255 * r, 255 * g, 255 * b)) for r in steps for g in steps for b in steps
        )
    )
    matrix = b"".join(_fixed(one) for one in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    curves = struct.pack(">6H", 0, 65535, 0, 65535, 0, 65535)
    shape = struct.pack(">4s4xBBBx", b"mft2", 3, 3, points)
    lut = shape + matrix + struct.pack(">HH", 2, 2) + curves + table + curves
    tags = [*_named_v2(name), (b"A2B0", lut)]
    profile = bytearray(_profile(0x02400000, b"RGB ", tags))
    profile[12:16], profile[20:24] = b"scnr", b"Lab "
    return bytes(profile)


def grey_profile(name: str, gamma: float) -> bytes:
    """A profile for grey with one exponent, version 2."""
    curve = b"curv" + struct.pack(">IIH", 0, 1, round(gamma * 256))
    return _profile(0x02400000, b"GRAY", [*_named_v2(name), (b"kTRC", curve)])


def _named_v2(name: str) -> list[tuple[bytes, bytes]]:
    text = name.encode() + b"\0"
    desc = b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(12 + 67)
    return [(b"desc", desc), (b"cprt", b"text" + bytes(4) + b"free\0"), (b"wtpt", _xyz(D50))]


def _primaries(columns: Matrix, curve: bytes) -> list[tuple[bytes, bytes]]:
    tags = []
    for sign, column in zip((b"r", b"g", b"b"), zip(*columns, strict=True), strict=True):
        tags += [(sign + b"XYZ", _xyz(column)), (sign + b"TRC", curve)]
    return tags


def _xyz(values: Vector) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _profile(version: int, space: bytes, tags: list[tuple[bytes, bytes]]) -> bytes:
    table, body = b"", b""
    start = 132 + 12 * len(tags)
    for signature, content in tags:
        table += struct.pack(">4sII", signature, start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    header = struct.pack(
        ">I4sI4s4s4s", start + len(body), bytes(4), version, b"mntr", space, b"XYZ "
    )
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += b"".join(map(_fixed, D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
