"""The whole stack of containers, brought up from nothing and used from outside, as a company does it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import dkim
import pytest

from tests.e2e.acts import text_of, wait_until
from tests.e2e.bad_lists import line
from tests.e2e.bad_lists import text_of as list_of
from tests.e2e.site import Site
from tests.servers import why_no_containers
from tests.stack.stack import OURS, Stack, docker, image_contains, read_mail, running_stack, tell

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

CONTACT = "ana@harbor.test"
PUBLIC_PARTS = {"ca.pem"}
CONNECTIONS = 2
"""Of one mailer-work container to the SMTP server; each may send one copy more when it is killed."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if why := why_no_containers():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why}; in CI this test must run.")
        pytest.skip(why)
    with running_stack(tmp_path_factory.mktemp("stack") / "secrets") as stack:
        yield stack


def test_the_story_from_an_invoice_list_to_a_receipt(stack: Stack) -> None:
    staff = sign_in_and_enable_a_rule(stack)
    sync_and_tick(stack)
    link = read_the_notice(stack)
    pay_a_part(stack, link)
    see_what_the_payment_did(stack, staff)


def sign_in_and_enable_a_rule(stack: Stack) -> Site:
    tell("story: sign in, enable a rule")
    staff = Site.signed_in(stack.address, stack.login)
    asked = staff.get("/client-emails/due-notices/rules/30/turn-on")
    page = staff.send(asked, "/rules/30/turn-on")
    assert page.status == 200, page.text
    on = {rule["threshold_days"] for rule in stack.dunlin("rules", "list", "--json").lines if rule["enabled"]}
    assert 30 in on
    return staff


def sync_and_tick(stack: Stack) -> None:
    tell("story: sync a list, tick, wait until the mail is out")
    report = stack.dunlin("sync", "-", "--json", stdin=list_of([a_late_line("ORD-1")])).json
    assert (report["added"], report["refused"]) == (1, 0)
    stack.dunlin("tick")
    stack.drain()


def read_the_notice(stack: Stack) -> str:
    """Checks its signature as a receiver would; the address behind Pay Invoice."""
    tell("story: the mail in the sink, its signature, its link")
    (raw,) = stack.mails()
    mail = read_mail(raw)
    assert mail["X-Rcpt-To"] == CONTACT
    printed = stack.execute("mailer-work", "python", "-m", "services.mailer", "dkim-record").out
    # The mail bears a signature by each of the two keys; the first one is by RSA, which every receiver knows.
    by_rsa = next(line for line in printed.splitlines() if "k=rsa" in line)
    record = "".join(re.findall(r'"([^"]*)"', by_rsa)).encode()
    assert dkim.verify(raw, dnsfunc=lambda *_args, **_kwargs: record)
    assert not dkim.verify(raw.replace(b"ORD-1", b"ORD-2"), dnsfunc=lambda *_args, **_kwargs: record)
    (link,) = re.findall(rf"{stack.address}/pay/\S+", text_of(mail))
    return str(link)


def pay_a_part(stack: Stack, link: str) -> None:
    tell("story: pay a part by the link")
    client = Site(stack.address)
    form = client.get(link)
    assert "250.00" in form.source
    methods = client.send(form, "/pay", amount="100")
    confirmation = client.send(methods, "/pay/review/", method="sandbox_approve")
    assert "Confirm your payment" in confirmation.text
    done = client.send(confirmation, "/pay/confirm/")
    assert "Thank you" in done.text
    # As an impatient reader does: the same button once more.
    assert "Thank you" in client.send(confirmation, "/pay/confirm/").text


def see_what_the_payment_did(stack: Stack, staff: Site) -> None:
    tell("story: the receipt, the history, the export")
    stack.drain()
    receipt = read_mail(stack.mails()[-1])
    assert receipt["Subject"] == "Receipt for invoice ORD-1: $100.00"
    assert "$150.00" in text_of(receipt), "it says what is left"
    assert len(stack.mails()) == 2
    history = staff.get("/history").text
    assert "Receipt for invoice ORD-1" in history
    assert "Invoice ORD-1 is 31 days past due" in history
    (why,) = stack.dunlin("why", "ORD-1", "--json").lines
    sent = [one["type"] for one in why["decisions"] if one["state"] == "sent"]
    assert sorted(sent) == ["due_notice", "payment_succeeded"]
    (row,) = csv.DictReader(io.StringIO(stack.dunlin("export", "payments").out))
    assert (row["invoice_number"], row["amount"], row["currency"]) == ("ORD-1", "100.00", "USD")
    assert (staff.get("/payments").status, staff.get("/healthz").status) == (200, 200)


def test_three_senders_share_the_work_and_the_kill_of_one_loses_nothing(stack: Stack) -> None:
    count = 600
    tell(f"three senders, {count} mails, one killed")
    scaled = stack.compose("up", "--detach", "--no-recreate", "--wait", "--scale", "mailer-work=3")
    assert scaled.code == 0, scaled.err
    assert len(stack.containers("mailer-work")) == 3
    before = stack.count_mails()
    stack.dunlin("rules", "enable", "--after", "30")
    stack.dunlin("sync", "-", stdin=list_of([a_late_line(f"N-{number}") for number in range(count)]))
    stack.dunlin("tick")
    # The program is the one child of process 1. A container that is killed by the engine is not restarted.
    wait_until(lambda: stack.count_mails() > before + 10, what="mails flow")
    stack.execute("mailer-work", "bash", "-c", "kill -9 $(cat /proc/1/task/1/children)", index=2)
    stack.drain()
    sent = Counter(read_mail(raw)["Subject"] for raw in stack.mails()[before:])
    assert len(sent) == count, "nothing is lost"
    assert sent.total() <= count + CONNECTIONS, "one copy more at most for each connection that was open"

    def all_are_well() -> bool:
        return {one["State"]["Health"]["Status"] for one in stack.containers("mailer-work").values()} == {
            "healthy"
        }

    wait_until(all_are_well, what="the killed container is back", seconds=120)
    restarts = [one["RestartCount"] for one in stack.containers("mailer-work").values()]
    assert sorted(restarts) == [0, 0, 1]
    assert stack.dunlin("dead-letters", "list", "--json").lines == []


def test_only_the_site_can_be_reached_from_outside(stack: Stack) -> None:
    published = {
        name: [
            f"{at['HostIp']}:{at['HostPort']}"
            for ports in one["NetworkSettings"]["Ports"].values() or ()
            for at in ports or ()
        ]
        for name, one in stack.containers().items()
    }
    assert {name: at for name, at in published.items() if at} == {"gateway-1": [f"127.0.0.1:{stack.port}"]}
    back, front = (
        json.loads(docker("network", "inspect", f"{stack.project}_{name}").out)[0]
        for name in ("back", "front")
    )
    assert back["Internal"]
    ((name, address),) = [(one["Name"], one["IPv4Address"]) for one in front["Containers"].values()]
    assert name == f"{stack.project}-gateway-1"
    script = """
import socket, sys
for host, port in [("gateway-inside", 9100), (sys.argv[1], 8000), (sys.argv[1], 9100)]:
    print(socket.socket().connect_ex((host, port)) == 0)
"""
    tried = stack.execute("gateway", "python", "-c", script, address.partition("/")[0])
    assert tried.out.split() == ["True", "True", "False"], "its metrics are for those inside alone"


def test_our_containers_have_no_more_rights_than_they_need(stack: Stack) -> None:
    for name, one in stack.containers(*OURS).items():
        host = one["HostConfig"]
        assert one["Config"]["User"] == "10001:10001", name
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert host["CapAdd"] is None, name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert 0 < host["Memory"] <= 2**30, name
        assert 0 < host["PidsLimit"] <= 200, name
        assert 0 < host["NanoCpus"] <= 10**9, name
        assert host["LogConfig"]["Config"]["max-size"], name
        assert {mount["Type"]: mount["RW"] for mount in one["Mounts"]}.get("bind", False) is False, name
    refused = stack.execute("gateway", "bash", "-c", "id -u; touch /opt/dunlin/x")
    assert refused.out == "10001\n"
    assert "Read-only file system" in refused.err


def test_no_secret_is_in_the_image_or_in_what_the_engine_tells(stack: Stack) -> None:
    secrets = [
        text
        for path in stack.secrets.iterdir()
        if path.name not in PUBLIC_PARTS and not path.name.endswith((".conf", ".env"))
        # Of a PEM file the middle: what it begins and ends with stands in many libraries.
        for text in [
            b"\n".join(part for part in path.read_bytes().splitlines() if not part.startswith(b"-----"))
        ]
    ]
    assert len(secrets) >= 15
    told = docker("inspect", stack.image, *(one["Id"] for one in stack.containers().values())).out.encode()
    told += docker("history", "--no-trunc", stack.image).out.encode() + stack.compose("logs").out.encode()
    assert [secret for secret in secrets if secret in told] == []
    assert image_contains(stack.image, secrets) == []
    assert image_contains(stack.image, [b"services/shared/worker.py"]) != [], "the look into the image works"


def test_each_role_is_kept_out_of_the_other_databases_and_the_broker_knows_no_guest(stack: Stack) -> None:
    roles = ("scheduler", "mailer", "paynow", "sandbox", "identity")
    # One shell for all, since each `exec` takes its time.
    script = f"""
        for role in {" ".join(roles)}; do for database in {" ".join(roles)} postgres; do
            PGPASSWORD=$(cat /run/secrets/postgres-$role) psql --host 127.0.0.1 --username $role \
              --dbname $database --command 'SELECT 1' > /dev/null 2>&1 && echo $role $database
        done; done; true"""
    let_in = stack.execute("postgres", "bash", "-c", script).out.splitlines()
    assert let_in == [f"{role} {role}" for role in roles]
    users = stack.execute("rabbitmq", "rabbitmqctl", "--quiet", "list_users").out
    assert [row.split()[0] for row in users.splitlines()[1:]] == ["dunlin"]


def test_a_second_make_up_changes_nothing_and_prints_no_password(stack: Stack) -> None:
    before = {
        name: one["Id"]
        for name, one in stack.containers().items()
        if not name.startswith(("migrate", "mailer-work"))
    }
    login = stack.login
    secrets = {path.name: path.read_bytes() for path in stack.secrets.iterdir()}
    stack.up()
    after = {name: one["Id"] for name, one in stack.containers().items()}
    assert {name: after.get(name) for name in before} == before
    assert {path.name: path.read_bytes() for path in stack.secrets.iterdir()} == secrets
    assert "Password:" not in stack.said
    assert Site.signed_in(stack.address, login).get("/").status == 200


def a_late_line(number: str) -> dict[str, str]:
    """An open invoice of 250.00 that is 31 days past due."""
    due = date.today() - timedelta(days=31)
    return line(
        number,
        due_on=due.isoformat(),
        issued_on=(due - timedelta(days=30)).isoformat(),
        contact_email=CONTACT,
    )
