"""What is counted at a server: the same, whoever counts."""

from __future__ import annotations

from nacl.signing import SigningKey
from tests.server.conftest import Office

from alumni_desk.protocol.messages import Done, EnrolReply, EnrolRequest, HelloReply, HelloRequest, ScopeRequest
from alumni_desk.protocol.proofs import enrol_proof
from alumni_desk.server.devices import account_rows, device_rows
from alumni_desk.server.figures import figures


def test_laptops_that_are_gone_are_counted_nowhere(office: Office) -> None:
    leader, left, removed, former = (office.laptop() for _one in range(4))
    office.laptop("Łódź", "admin")
    office.call("leave", ScopeRequest(left.scope), Done, left.token)
    office.call(f"devices/{removed.device}/revoke", HelloRequest(), HelloReply, leader.token)
    code, key = office.invite(), SigningKey.generate()
    office.call("enrol", EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code), former=former.device,
                                      former_proof=enrol_proof(former.key, code)), EnrolReply)
    found = figures(office.server, office.time())
    assert (found.laptops, found.removed) == (3, 1)
    assert [one.laptops for one in found.chapters if one.id == leader.scope] == [2]
    assert sum(row.laptops for row in account_rows(office.server)) == 3
    assert len([row for row in device_rows(office.server) if not (row.revoked or row.left or row.replaced)]) == 3
    assert b"\nalumni_desk_laptops 3\n" in office.client.request("GET", "/metrics")[2]
