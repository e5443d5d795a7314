"""The tree and its proofs: vectors of Certificate Transparency, and RFC 6962 word for word."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.transparency_log.merkle import (
    EMPTY_ROOT,
    Accumulator,
    ProofFailed,
    consistency_path,
    inclusion_path,
    leaf_hash,
    leaf_hashes,
    root_of,
    verify_consistency,
    verify_inclusion,
)

# The leaves and roots with which implementations of RFC 6962 are compared.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def mth(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, by its recursion."""
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = largest_power_below(len(leaves))
    return sha256(b"\1" + mth(leaves[:k]) + mth(leaves[k:])).digest()


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962 §2.1.1."""
    if len(leaves) == 1:
        return []
    k = largest_power_below(len(leaves))
    if m < k:
        return [*path(m, leaves[:k]), mth(leaves[k:])]
    return [*path(m - k, leaves[k:]), mth(leaves[:k])]


def subproof(m: int, leaves: list[bytes], complete: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 §2.1.2."""
    if m == len(leaves):
        return [] if complete else [mth(leaves)]
    k = largest_power_below(len(leaves))
    if m <= k:
        return [*subproof(m, leaves[:k], complete), mth(leaves[k:])]
    return [*subproof(m - k, leaves[k:], False), mth(leaves[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def reader(leaves: list[bytes]):
    return lambda height, number: mth(leaves[number << height : (number + 1) << height])


def test_the_roots_are_those_of_certificate_transparency():
    assert root_of([]) == EMPTY_ROOT == sha256().digest()
    assert [root_of(leaf_hashes(LEAVES[: n + 1])).hex() for n in range(8)] == ROOTS


def test_proofs_are_those_of_rfc_6962_for_all_sizes_up_to_forty():
    for size in range(1, 41):
        leaves = [bytes([number]) for number in range(size)]
        for index in range(size):
            assert inclusion_path(index, size, reader(leaves)) == path(index, leaves)
            expected = subproof(index, leaves, True) if index else []
            assert consistency_path(index, size, reader(leaves)) == expected


@given(st.lists(st.binary(max_size=4), max_size=300))
def test_a_growing_tree_has_the_same_root_as_one_that_is_computed_at_once(leaves: list[bytes]):
    tree = Accumulator()

    tree.extend(leaf_hashes(leaves))

    assert tree.root() == root_of(leaf_hashes(leaves)) == mth(leaves)
    assert tree.size == len(leaves)


@given(st.data(), st.integers(1, 200))
def test_a_proof_of_inclusion_holds_for_its_leaf_alone(data: st.DataObject, size: int):
    leaves = [number.to_bytes(2, "big") for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    root, proof = mth(leaves), inclusion_path(index, size, reader(leaves))

    verify_inclusion(index, size, leaf_hash(leaves[index]), proof, root)

    other = data.draw(st.integers(0, size).filter(lambda one: one != index))
    with pytest.raises(ProofFailed):
        verify_inclusion(index, size, leaf_hash(other.to_bytes(2, "big")), proof, root)
    with pytest.raises(ProofFailed):
        verify_inclusion(other, size, leaf_hash(leaves[index]), proof, root)
    with pytest.raises(ProofFailed):
        verify_inclusion(index, size, leaf_hash(leaves[index]), [*proof, root], root)
    for at in range(len(proof)):
        changed = [*proof[:at], *proof[at + 1 :]]
        with pytest.raises(ProofFailed):
            verify_inclusion(index, size, leaf_hash(leaves[index]), changed, root)


@given(st.data(), st.integers(1, 200))
def test_a_proof_of_consistency_holds_for_its_two_trees_alone(data: st.DataObject, new: int):
    leaves = [number.to_bytes(2, "big") for number in range(new)]
    old = data.draw(st.integers(0, new))
    proof = consistency_path(old, new, reader(leaves))
    roots = mth(leaves[:old]), mth(leaves)

    verify_consistency(old, new, *roots, proof)

    with pytest.raises(ProofFailed):
        verify_consistency(old, new, bytes(32), roots[1], proof)
    with pytest.raises(ProofFailed):
        verify_consistency(old, new, *roots, [*proof, roots[0]])
    if old != new and old:
        with pytest.raises(ProofFailed):
            verify_consistency(old, new, roots[0], bytes(32), proof)
    for at in range(len(proof)):
        for changed in (
            [*proof[:at], bytes(32), *proof[at + 1 :]],
            [*proof[:at], *proof[at + 1 :]],
        ):
            with pytest.raises(ProofFailed):
                verify_consistency(old, new, *roots, changed)


def test_what_is_not_in_the_tree_has_no_proof():
    with pytest.raises(IndexError):
        inclusion_path(3, 3, reader(LEAVES))
    with pytest.raises(IndexError):
        consistency_path(4, 3, reader(LEAVES))
    with pytest.raises(ProofFailed):
        verify_inclusion(3, 3, bytes(32), [], bytes(32))
    with pytest.raises(ProofFailed):
        verify_consistency(4, 3, bytes(32), bytes(32), [])
