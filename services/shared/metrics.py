"""What the processes count; docs/metrics.md explains each name.

Counted in adapters and at edges only. No label takes a value from outside: their number is bounded.
"""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

RPC_SECONDS = Histogram(
    "dunlin_rpc_seconds", "Calls answered, by method and status code.", ["method", "code"], buckets=_SECONDS
)
HTTP_SECONDS = Histogram(
    "dunlin_http_seconds",
    "Requests of browsers, by route, method and status.",
    ["route", "method", "status"],
    buckets=_SECONDS,
)
WORKER_ROUNDS = Counter("dunlin_worker_rounds_total", "Pieces of work done by a worker.", ["worker"])
WORKER_FAILURES = Counter("dunlin_worker_failures_total", "Pieces of work that failed.", ["worker"])
MAILS = Counter("dunlin_mails_total", "Attempts to send a mail, by outcome.", ["outcome"])
REPORTS = Counter("dunlin_reports_total", "Mails to the bounce address, by outcome.", ["outcome"])
BOUNCES = Counter("dunlin_bounces_total", "Recipients that a mail came back from, by kind.", ["kind"])
SUPPRESSED = Counter(
    "dunlin_addresses_suppressed_total", "Addresses that get no mail now, by reason.", ["reason"]
)
CHARGES = Counter("dunlin_charges_total", "Answers of the payment provider, by outcome.", ["outcome"])
FACTS_PUBLISHED = Counter("dunlin_facts_published_total", "Facts carried out to a subscriber or broker.")
FACTS_TAKEN_IN = Counter("dunlin_facts_taken_in_total", "Facts stored in the inbox that were new.")
CERTIFICATE_ENDS = Gauge(
    "dunlin_certificate_ends_timestamp_seconds",
    "Until when the program's certificate and the authority are valid, as Unix time.",
    ["certificate"],
)
