"""What a device signs beside parcels: that it holds its key when it enrols, and a session's challenge."""

from __future__ import annotations

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

_ENROL = b"alumni-desk enrol\0"
_SESSION = b"alumni-desk session\0"


def _joined(purpose: bytes, *parts: bytes) -> bytes:
    return purpose + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def enrol_proof(key: SigningKey, code: str) -> bytes:
    """Signature that binds an invitation's code to this device's key."""
    return bytes(key.sign(_joined(_ENROL, code.encode(), bytes(key.verify_key))).signature)


def is_enrol_proof(proof: bytes, public_key: bytes, code: str) -> bool:
    """Whether whoever sent the code holds the key."""
    return _verified(public_key, _joined(_ENROL, code.encode(), public_key), proof)


def session_proof(key: SigningKey, *, server: str, device: str, challenge: bytes) -> bytes:
    """Signature over a challenge, bound to one server and one device."""
    return bytes(key.sign(_joined(_SESSION, server.encode(), device.encode(), challenge)).signature)


def is_session_proof(proof: bytes, public_key: bytes, *, server: str, device: str, challenge: bytes) -> bool:
    """Whether the device answered this challenge of this server."""
    return _verified(public_key, _joined(_SESSION, server.encode(), device.encode(), challenge), proof)


def _verified(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True
