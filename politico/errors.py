"""Every error the project raises, as one tree: what a person can mend, and what failed on its way."""


class PoliticoError(Exception):
    """Root of the tree. Its message is one sentence that says what was given, what is allowed and what to do."""


class InputError(PoliticoError):
    """Something a person gave can't be used. The command line ends with exit code 2, the endpoint with a 400."""


class UnknownFieldError(InputError):
    """A control field, parameter or setting that does not exist."""


class UnknownValueError(InputError):
    """A value outside the list that a closed control field knows, such as a party the model never saw."""


class LimitError(InputError):
    """A value outside its limits; names the field, the value and the limit."""


class TweetError(InputError):
    """One tweet that can't be read. `reason` is the short name that rejects are counted under."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class FileFormatError(InputError):
    """A file that is not what it was said to be."""


class RegistryError(InputError):
    """A registry of politicians that can't be used."""


class SchemaError(InputError):
    """A control schema that can't be used, or that differs from the one a model was trained with."""


class MissingToolError(InputError):
    """A program that the project needs is not on this machine."""


class PortInUseError(InputError):
    """Another program listens on the port that was asked for."""


class TermsError(InputError):
    """X's terms have not been acknowledged, so nothing is read from X."""


class ServiceError(PoliticoError):
    """A service answered with a failure that no change of the input would mend."""


class RateLimitedError(ServiceError):
    """X asks to wait. `reset` is the epoch second from which it answers again."""

    def __init__(self, reset: int) -> None:
        super().__init__(f"X's rate limit is used up until epoch second {reset}")
        self.reset = reset


class SpendingCapError(ServiceError):
    """The month's cap on paid reads is reached; nothing more is bought until the month ends or the cap is raised."""


class AccountError(ServiceError):
    """One account can't be read (gone, suspended, protected). The others go on."""


class AccessError(ServiceError):
    """The X plan in use has no access to what was asked for."""


class JobError(ServiceError):
    """A training, processing or workflow run that failed."""


class CopyError(ServiceError):
    """All that a model wrote was a near copy of what it has learnt from. What is asked for can be changed; a service is well."""


class StorageError(ServiceError):
    """S3 did not do what it answered it would."""


class ConflictError(ServiceError):
    """Another writer kept changing the same object for longer than we tried."""
