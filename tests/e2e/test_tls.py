"""The whole company with certificates between its programs."""

from pathlib import Path

import grpc
import pytest
from dunlin.operations.v1 import operations_pb2, operations_pb2_grpc

from services.shared.grpc_channel import open_channel
from tests.e2e.company import running_company
from tests.e2e.site import Site
from tests.fakes.authority import Authority


def test_the_company_works_as_ever_and_lets_no_plain_caller_in(tmp_path: Path) -> None:
    # One for all: in the embedded way the programs share their settings.
    programs = ("scheduler", "mailer", "paynow", "gateway")
    certificates = Authority(tmp_path).settings("127.0.0.1", "localhost", *programs)
    with running_company(tmp_path / "home", "--sample", **certificates) as company:
        assert company.must("status", "--json").json["programs"]["mailer"]["answers"] is True
        company.must("tick")
        company.drain()
        assert Site.of_staff(company).get("/").status == 200

        addresses, token = company.home.addresses(), company.home.secret("service-token").read_text().strip()
        assert addresses is not None
        with open_channel(addresses["paynow"], token, timeout=5) as channel:
            stub = operations_pb2_grpc.OperationsServiceStub(channel)
            with pytest.raises(grpc.RpcError) as refused:
                stub.GetBacklog(operations_pb2.GetBacklogRequest())
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
