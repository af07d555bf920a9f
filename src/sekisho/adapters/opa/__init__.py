"""The policy decision point in OPA servers, asked through ``opa-python-client``.

``connection`` is the way to one server, ``server`` what one must be and answer, ``servers`` which one is asked.
"""

from sekisho.adapters.opa.connection import Credentials
from sekisho.adapters.opa.server import Demands
from sekisho.adapters.opa.servers import OpaServers

__all__ = ["Credentials", "Demands", "OpaServers"]
