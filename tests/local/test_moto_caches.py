"""What moto works out anew with every call is worked out once, and it is the very same."""

import json
import subprocess
import sys

from botocore.exceptions import ClientError

from cli.local_cloud import LocalCloud
from cli.services import Services
from tests.support.paths import ROOT

# In a process of its own: what is installed stays for good.
_BEFORE_AND_AFTER = """
import json
from moto import backends
from moto.core import errors, responses
from moto.core.utils import get_service_model
from moto.s3.responses import S3Response
from local import moto_caches

def seen():
    found = {}
    for service in ("s3", "dynamodb", "sagemaker", "stepfunctions"):
        table = errors.ErrorLookupFactory().for_service(get_service_model(service))
        found[service] = sorted((code, shape.name, shape.error_code) for code, shape in table._code_to_error.items())
    return [sorted(backends.list_of_moto_modules()), responses.method_names_from_class(S3Response), found]

before = seen()
moto_caches.install()
after = [seen(), seen()]
print(json.dumps([before == one for one in after]))
"""


def test_what_is_remembered_is_what_moto_would_have_worked_out() -> None:
    done = subprocess.run([sys.executable, "-c", _BEFORE_AND_AFTER], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, True]


def test_errors_keep_their_own_names(cloud: LocalCloud) -> None:
    services: Services = cloud.services()
    codes = []
    for call in (
        lambda: services.lake.read("nothing/there"),
        lambda: services.client("sagemaker").describe_endpoint(EndpointName="nobody"),
        lambda: services.client("dynamodb").describe_table(TableName="none"),
    ):
        try:
            call()
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
    assert codes == ["NoSuchKey", "ValidationException", "ResourceNotFoundException"]
