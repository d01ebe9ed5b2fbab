"""Service Quotas of SageMaker: moto lists none. Every machine type may run in plenty, but where a test says otherwise."""

import json
from typing import Any

import botocore.session
from moto.servicequotas.responses import ServiceQuotasResponse

PLENTY = 20.0
PAGE = 100
_USES = {
    "TrainingInstanceType": "spot training job usage",
    "ProcessingInstanceType": "processing job usage",
    "ProductionVariantInstanceType": "endpoint usage",
}


class Quotas:
    """`limited` has what is allowed instead, by a quota's name."""

    def __init__(self) -> None:
        self.limited: dict[str, float] = {}

    def install(self) -> None:
        """Let moto answer `ListServiceQuotas`."""
        model = botocore.session.get_session().get_service_model("sagemaker")
        named = [f"{one} for {use}" for shape, use in _USES.items() for one in model.shape_for(shape).enum]
        quotas = self

        def list_service_quotas(response: ServiceQuotasResponse) -> str:
            given: dict[str, Any] = json.loads(response.body)
            first = int(given.get("NextToken") or 0)
            page = [
                {"QuotaName": name, "QuotaCode": f"L-{number:08X}", "Value": quotas.limited.get(name, PLENTY)}
                for number, name in enumerate(named[first : first + PAGE], start=first)
            ]
            more = {"NextToken": str(first + PAGE)} if first + PAGE < len(named) else {}
            return json.dumps({"Quotas": page if given["ServiceCode"] == "sagemaker" else [], **more})

        ServiceQuotasResponse.list_service_quotas = list_service_quotas
