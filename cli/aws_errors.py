"""What boto3 raises, as one sentence with its remedy: the one place where every command's AWS errors become ours."""

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from politico.errors import InputError, PoliticoError, ServiceError

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
_UNKNOWN = (
    *("InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException", "AuthFailure", "InvalidToken"),
    *("SignatureDoesNotMatch", "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException"),
)
_DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized")
_SIGN_IN = "sign in again (`aws sso login`, or new keys in the environment), or name another profile in AWS_PROFILE"

_REMEDIES: tuple[tuple[tuple[type[BotoCoreError], ...], str], ...] = (
    ((exceptions.NoRegionError,), "set AWS_REGION, or give the profile one (`aws configure set region us-east-1`)"),
    ((exceptions.InvalidRegionError,), "set AWS_REGION to a region's name, such as us-east-1"),
    ((exceptions.ProfileNotFound,), "set AWS_PROFILE to one that `aws configure list-profiles` shows, or unset it"),
    (
        (exceptions.NoCredentialsError, exceptions.PartialCredentialsError),
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; for a local cloud set what `politico up` prints",
    ),
    (
        (
            exceptions.CredentialRetrievalError,
            exceptions.TokenRetrievalError,
            exceptions.SSOError,
            exceptions.UnauthorizedSSOTokenError,
        ),
        _SIGN_IN,
    ),
    ((exceptions.ConfigParseError, exceptions.InvalidConfigError), "mend ~/.aws/config or ~/.aws/credentials"),
    (
        (exceptions.EndpointConnectionError, exceptions.HTTPClientError, exceptions.ConnectionError),
        "is there a connection, and does AWS_ENDPOINT_URL, if it is set, lead to a cloud that is up?",
    ),
)


def readable(error: BotoCoreError | ClientError) -> PoliticoError:
    """InputError for what a person can mend (exit code 2), ServiceError for what AWS refused or failed to do (exit code 1)."""
    if isinstance(error, ClientError):
        return _refusal(error)
    said = " ".join(str(error).split()).rstrip(".")
    remedy = next((remedy for kinds, remedy in _REMEDIES if isinstance(error, kinds)), None)
    return InputError(f"AWS can't be asked: {said}" + (f"; {remedy}" if remedy else ""))


def _refusal(error: ClientError) -> PoliticoError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    said = " ".join(str(error.response.get("Error", {}).get("Message") or error).split()).rstrip(".")
    if code in _EXPIRED:
        return InputError(f"AWS refused the credentials, which have expired ({code}: {said}); {_SIGN_IN}")
    if code in _UNKNOWN:
        return InputError(f"AWS does not know the credentials ({code}: {said}); {_SIGN_IN}")
    if code in _DENIED:
        return InputError(f"the credentials may not do this ({code}: {said}); ask for the right, or name another profile")
    return ServiceError(f"AWS refused {error.operation_name} ({code}: {said})")


def is_about_credentials(error: ClientError) -> bool:
    """Is the refusal about who asks, rather than about what is asked?"""
    return str(error.response.get("Error", {}).get("Code", "")) in (*_EXPIRED, *_UNKNOWN, *_DENIED)
