"""The errors that users see, each with the exit code that its job ends with."""


class YmrError(Exception):
    """An error explained in full by its message: printed without a traceback."""

    exit_code = 1


class SettingsError(YmrError):
    """The command line or a settings file is wrong; found before the JVM starts."""

    exit_code = 2


class DataContractError(YmrError):
    """A table, file or row is missing or is not what its contract says."""

    exit_code = 3


class EnvironmentProblem(YmrError):
    """Java, a package version, memory or disk does not allow the job to run."""

    exit_code = 4


class WarehouseLocked(YmrError):
    """Another run is writing to this warehouse."""

    exit_code = 5
