"""What an auditor gets of the log over HTTP: checkpoints, and proofs that hold without the gateway."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from tests.gateway.site import Site

from sekisho.audit_verify import Outcome, verify_proof, verify_tree
from sekisho.domain.checkpoint import parse_checkpoint
from sekisho.domain.note import parse_note
from sekisho.domain.tlog import check_consistency, leaf_hash, root_by_inclusion

PURPOSE = "recommendation"
SQL = "SELECT stock_code FROM pos.order_lines WHERE customer_id IS NOT NULL LIMIT 3"


async def released(site: Site) -> str:
    """The id of a release."""
    answer = await site.post("recommender", PURPOSE, SQL)
    return str(answer.json()["release"]["id"])


async def test_the_proof_of_a_release_holds_without_the_gateway(site: Site, tmp_path: Path) -> None:
    """As JSON, hash by hash, and as one file; the record is the release's own."""
    release = await released(site)
    path = f"/v1/audit/records/{release}/proof"
    told = (await site.client.get(path, headers=site.headers("auditor"))).json()
    newest = parse_checkpoint(parse_note(told["checkpoint"]).text)
    hashes = [base64.b64decode(each) for each in told["hashes"]]
    leaf = leaf_hash(told["record"].encode())
    assert base64.b64decode(told["leaf_hash"]) == leaf
    assert root_by_inclusion(leaf, told["index"], told["tree_size"], hashes) == newest.root
    assert f'"id":"{release}"' in told["record"]
    file = tmp_path / "release.tlog-proof"
    answer = await site.client.get(path, headers=site.headers("auditor", "text/plain"))
    file.write_bytes(answer.content)
    key = site.workspace.keys.verification_key()
    assert verify_proof(file, key).ok
    file.write_bytes(answer.content.replace(b"index ", b"index 1"))
    assert verify_proof(file, key).outcome is Outcome.TAMPERED


async def test_that_a_record_was_proved_is_itself_on_record(site: Site) -> None:
    """The proof carries the record, so somebody read it."""
    release = await released(site)
    await site.client.get(f"/v1/audit/records/{release}/proof", headers=site.headers("auditor"))
    (read,) = await site.records("audit.read")
    assert (read["requester"], read["record"], read["proof"]) == ("auditor", release, True)


async def test_checkpoints_continue_one_another(site: Site) -> None:
    """What an auditor kept is proved to be the beginning of what there is now."""
    first = await site.client.get("/v1/audit/checkpoint", headers=site.headers("auditor"))
    assert first.headers["content-type"] == "text/plain; charset=utf-8"
    old = parse_checkpoint(parse_note(first.text).text)
    release = await released(site)
    await site.client.get(f"/v1/audit/records/{release}/proof", headers=site.headers("auditor"))
    answer = await site.client.get(f"/v1/audit/consistency?from={old.size}", headers=site.headers("privacy_officer"))
    told = answer.json()
    new = parse_checkpoint(parse_note(told["checkpoint"]).text)
    assert (told["from"], told["to"]) == (old.size, new.size)
    assert new.size > old.size
    proof = [base64.b64decode(each) for each in told["hashes"]]
    check_consistency(old.size, old.root, new.size, new.root, proof)
    with site.workspace.composed.tree.files.at_hand() as folder:
        assert verify_tree(folder, site.workspace.keys.verification_key(), since=first.text).ok


@pytest.mark.parametrize(
    "path", ["/v1/audit/checkpoint", "/v1/audit/records/x/proof", "/v1/audit/consistency?from=0"]
)
@pytest.mark.parametrize("requester", ["recommender", "consent_desk"])
async def test_nobody_else_gets_them(site: Site, path: str, requester: str) -> None:
    """Neither that there is such a record, nor how many there are."""
    answer = await site.client.get(f"/v1/audit/{path}", headers=site.headers(requester))
    assert answer.status_code == 404 if "records" in path else answer.status_code in {403, 404}


@pytest.mark.parametrize("query", ["", "?from=-1", "?from=x", "?from=1e3", "?from=5&to=2", "?from=0&to=99999999"])
async def test_sizes_that_are_none_are_said_so(site: Site, query: str) -> None:
    """A clear refusal, and the same for sizes that no checkpoint reaches."""
    answer = await site.client.get(f"/v1/audit/consistency{query}", headers=site.headers("auditor"))
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_what_is_not_on_record_has_no_proof(site: Site) -> None:
    """The same answer as for a record that there is not."""
    answer = await site.client.get("/v1/audit/records/nothing/proof", headers=site.headers("auditor"))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_cursor_that_no_search_answered_is_the_callers_fault(site: Site) -> None:
    """A made-up cursor, also one beyond every sequence of a database, is refused; it breaks nothing."""
    for made_up in ("s9223372036854775808", "s9999999999999999999", "s", "x1", "s-1", "s\u0661"):
        cursor = base64.urlsafe_b64encode(made_up.encode()).decode().rstrip("=")
        answer = await site.client.post(
            "/v1/audit/records:search", json={"cursor": cursor}, headers=site.headers("auditor")
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), made_up
