"""Paytm pretended faithfully: card machines, phones, lost replies and late successes, to rehearse with.

It speaks through `galla.protocol`, the same code as the client, the other way round. It never imports the
client, connectors, store or service, and it holds no real merchant's key or money. What a real Paytm does not
do belongs under `/_sandbox/` or on a page that says *Sandbox*.
"""

from galla.sandbox.faults import Fault, Kind
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_TIDS, DEMO_VPA, Sandbox, SandboxMerchant

__all__ = ["DEMO_KEY", "DEMO_MID", "DEMO_TIDS", "DEMO_VPA", "Fault", "Kind", "Sandbox", "SandboxMerchant"]
