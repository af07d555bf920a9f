"""``sekisho webhooks``: the use cases from the command line, without a workspace of its own."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from tests.http.feed_site import URL
from tests.http.feed_site import site as site  # noqa: PLC0414 - the fixture is handed over by name


@pytest.fixture
def opened(site, monkeypatch):
    """Let the commands work over *site*."""
    requesters = {requester.name: requester for requester in site.identity.requesters.values()}
    workspace = SimpleNamespace(
        consents=site.services.consents, settings=SimpleNamespace(catalogue=SimpleNamespace(requesters=requesters))
    )

    def with_workspace(_folder, work):
        with asyncio.Runner() as runner:
            return runner.run(work(workspace))

    monkeypatch.setattr("sekisho.cli.webhooks.with_workspace", with_workspace)
    return site


def test_a_webhook_is_added_listed_replayed_and_deleted(run, opened):
    """The secret is printed at the making and by nothing else."""
    made = json.loads(run("webhooks", "add", URL, "--requester", "mailer", "--json").out)
    assert made["secret"].startswith("whsec_")
    listed = run("webhooks", "list", "--requester", "officer", "--json").out
    assert [item["id"] for item in json.loads(listed)] == [made["id"]]
    assert made["secret"] not in listed
    assert made["id"] in run("webhooks", "list", "--requester", "mailer").out
    shown = run("webhooks", "deliveries", made["id"], "--requester", "mailer", "--json").out
    assert [item["seq"] for item in json.loads(shown)] == [1, 2, 3]
    assert run("webhooks", "deliveries", made["id"], "--requester", "mailer").out.startswith("seq\t")
    assert run("webhooks", "replay", made["id"], "--after-seq", "1", "--requester", "mailer").code == 0
    assert opened.outbox.replayed == [1]
    assert run("webhooks", "delete", made["id"], "--requester", "recommender").code == 2
    assert run("webhooks", "delete", made["id"], "--requester", "mailer").code == 0
    assert json.loads(run("webhooks", "list", "--requester", "mailer", "--json").out) == []


def test_a_url_that_cannot_be_is_refused_without_its_words(run, opened):
    """The error says what is wrong and repeats nothing."""
    ran = run("webhooks", "add", "http://receiver.example/secret", "--requester", "mailer")
    assert ran.code == 2
    assert "invalid_request" in ran.err
    assert "receiver" not in ran.err
