"""Who watches the service reads which store does not answer, by the name that the workspace gives it."""

from __future__ import annotations

from pathlib import Path

from tests.gateway.site import opened


async def test_each_store_is_told_by_its_name_in_the_workspace_file(folder: Path) -> None:
    """Stores that are files are read by one engine, and are there or not each for itself."""
    async with opened(folder) as site:
        checks = (await site.client.get("/health/ready")).json()["checks"]
        assert {name for name in checks if name.startswith("store:")} == {
            f"store:{name}" for name in site.workspace.settings.catalogue.stores
        }
        assert set(checks.values()) == {"ok"}
        (folder / "stores" / "pos").rename(folder / "stores" / "gone")
        response = await site.client.get("/health/ready")
        assert response.status_code == 503
        failed = {name for name, state in response.json()["checks"].items() if state != "ok"}
        assert failed == {"store:pos"}
