"""SageMaker's model package groups: versions and groups can be deleted, a group only when it is empty; no number comes twice."""

import json
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.sagemaker.models import ModelPackage
from moto.sagemaker.responses import SageMakerResponse


def install() -> None:
    """Teach moto's SageMaker all three. It numbers by how many there are: after a deletion it would write one over."""
    SageMakerResponse.delete_model_package = _delete_version
    SageMakerResponse.delete_model_package_group = _delete_group
    make, highest = ModelPackage.__init__, dict[str, int]()

    def make_numbered(package: ModelPackage, **told: Any) -> None:
        if group := told["model_package_group_name"]:
            highest[group] = told["model_package_version"] = max(highest.get(group, 0) + 1, told["model_package_version"])
        make(package, **told)

    ModelPackage.__init__ = make_numbered


def _delete_version(response: SageMakerResponse) -> ActionResult:
    backend, name = response.sagemaker_backend, json.loads(response.body)["ModelPackageName"]
    backend.describe_model_package(name)  # refuses an unknown one
    del backend.model_packages[backend.model_package_name_mapping.get(name, name)]
    return ActionResult({})


def _delete_group(response: SageMakerResponse) -> ActionResult:
    backend, name = response.sagemaker_backend, json.loads(response.body)["ModelPackageGroupName"]
    backend.describe_model_package_group(name)
    if any(one.model_package_group_name == name for one in backend.model_packages.values()):
        raise JsonRESTError("ConflictException", f"Model Package Group {name} cannot be deleted as it contains Model Packages.")
    del backend.model_package_groups[name]
    return ActionResult({})
