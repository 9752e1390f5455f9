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


class StageFailed(YmrError):
    """A stage of the pipeline ended with an error, which it has told wherever it ran, or died."""

    def __init__(self, stage: str, exit_code: int, error: str | None) -> None:
        told = error or "it told nothing; see its log, on YARN that of its driver"
        super().__init__(f"stage {stage} failed with exit code {exit_code}: {told}")
        self.exit_code = exit_code if 0 < exit_code <= 5 else 1
