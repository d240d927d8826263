"""No secret is compared in a way whose time tells how much of it was right.

Read from the code of what runs in AWS and of the local gateway: each comparison of something that is called as secrets
are is listed here with the reason why its time tells nothing. Where the operator key or a cursor is compared, that is
done by ``hmac.compare_digest``.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("layers/ocpi/python/ocpi", "functions", "local")
SECRET = {"token", "secret", "signature", "mac", "digest", "password", "hash", "hashed", "authorization", "passphrase"}
"""Words of names."""
HASHES = "SHA-256 of a token: who does not know the token cannot move its hash closer to another"
TYPES = "the type of a Token object, which is no secret"
HARMLESS = {
    "grant.hash in began.grants": HASHES,
    "grant.hash in ended": HASHES,
    "grant.hash in wanted": HASHES,
    "grant.hash not in (stays, *_used(live))": HASHES,
    "grant.hash not in ended": HASHES,
    "grant.hash not in since": HASHES,
    "hashed in overtaken": HASHES,
    "grant.hash not in partner.grants": HASHES,
    "known != hashed": HASHES,
    "token_hash not in kept": HASHES,
    "code == UNKNOWN_TOKEN": "a status code",
    "_digest(url) in crawl.urls": "digests of URLs that a partner has chosen itself",
    "read_token_type(call.query) not in (None, body['type'])": TYPES,
    "token.get('type', token_type) != token_type": TYPES,
    "token_type in ('RFID', 'OTHER', 'rfid', 'other')": TYPES,
    "token_type not in TOKEN_TYPES": TYPES,
}
EQUALITY = (ast.Eq, ast.NotEq, ast.In, ast.NotIn)


def compared(node: ast.Compare) -> list[ast.expr]:
    """What is compared for equality, ``None`` left out."""
    sides = [node.left, *node.comparators] if any(isinstance(each, EQUALITY) for each in node.ops) else []
    return [side for side in sides if not (isinstance(side, ast.Constant) and side.value is None)]


def words(side: ast.expr) -> set[str]:
    """By which something is called: of a call also those of its text arguments, of a text with parts those of these."""
    match side:
        case ast.Call(func=called, args=arguments):
            texts = [each for each in arguments if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            return words(called).union(*(set(str(each.value).lower().split("-")) for each in texts))
        case ast.JoinedStr(values=parts):
            return set().union(*(words(part.value) for part in parts if isinstance(part, ast.FormattedValue)))
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return set(name.lower().strip("_").split("_"))
        case _:
            return set()


def comparisons_of_secrets(source: str) -> list[str]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Compare))
    return sorted(ast.unparse(node) for node in nodes if any(SECRET & words(side) for side in compared(node)))


def test_every_comparison_of_what_is_called_like_a_secret_is_known_to_be_harmless() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    found = {each for path in files for each in comparisons_of_secrets(path.read_text(encoding="utf-8"))}
    assert found - HARMLESS.keys() == set()


def test_such_comparisons_are_found() -> None:
    source = """
if given == self._token or operator_secret != x or sign(b) == signature or token is None or hash_of(a) in known: ...
if _mac(key) == mac: ...
if headers.get("Authorization") != f"Token {partner.token}": ...
if hmac.compare_digest(token, other) and count == 3: ...
"""
    assert comparisons_of_secrets(source) == [
        "_mac(key) == mac",
        "given == self._token",
        "hash_of(a) in known",
        "headers.get('Authorization') != f'Token {partner.token}'",
        "operator_secret != x",
        "sign(b) == signature",
    ]
