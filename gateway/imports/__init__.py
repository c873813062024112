"""Invoice lists as accounting systems export them: read, checked as a whole, sent to the ledger.

    invoice_list = read_invoice_list(stream, PRESETS["dunlin"])
    report = sync(ledger_stub, invoice_list, progress)

Lists of methods on file, and of AutoPay and scheduled payments, go the same way (`METHODS`, `PLANS`).
The structure of the whole file is checked before anything is sent, so a file that is refused has
changed nothing. Values are judged line by line, and a line that is refused leaves the others alone.
"""

from gateway.imports.invoice_list import InvoiceList, fits, read_invoice_list
from gateway.imports.presets import PRESETS, Preset, mapped
from gateway.imports.presets_accounts import METHODS, PLANS
from gateway.imports.send import Progress, sync, sync_methods, sync_plans
from gateway.imports.structure import DEFAULT_LIMITS, InvoiceListRefused, Limits

__all__ = [
    "DEFAULT_LIMITS",
    "METHODS",
    "PLANS",
    "PRESETS",
    "InvoiceList",
    "InvoiceListRefused",
    "Limits",
    "Preset",
    "Progress",
    "fits",
    "mapped",
    "read_invoice_list",
    "sync",
    "sync_methods",
    "sync_plans",
]
