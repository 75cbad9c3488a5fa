"""Settings of the agents platform: flags win over `TRUNKLINE_*` in the environment, and that over a TOML file."""

import ipaddress
import os
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from trunkline import TrunklineError

DEFAULT_PORT = 8765
CONFIG_FILE = "trunkline.toml"
_ENV_PREFIX = "TRUNKLINE_"


class BadSettings(TrunklineError):
    """A setting is not usable; `str()` says which one, why, and where it came from or how to give it."""


class Limits(BaseModel):
    """What the server takes. Environment: `TRUNKLINE_LIMITS__MAX_CONNECTIONS` and so on.

    Attributes:
        max_body_bytes: bytes of one REST request body.
        requests_per_second: REST requests of one principal, sustained.
        request_burst: REST requests that may come at once.
        max_message_bytes: bytes of one WebSocket message.
        max_subscriptions: topics a WebSocket.
        messages_per_second: messages a WebSocket, sustained.
        message_burst: messages that may come at once.
        max_connections: WebSockets in all.
        max_connections_per_principal: WebSockets of one principal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_body_bytes: PositiveInt = 2 * 1024 * 1024
    requests_per_second: PositiveFloat = 500.0
    request_burst: PositiveInt = 2_000
    max_message_bytes: PositiveInt = 64 * 1024
    max_subscriptions: PositiveInt = 128
    messages_per_second: PositiveFloat = 50.0
    message_burst: PositiveInt = 200
    max_connections: PositiveInt = 15_000
    max_connections_per_principal: PositiveInt = 100


def default_data_dir() -> Path:
    """Where this user's applications keep their data on this platform (XDG Base Directory on Linux)."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return base / "trunkline"


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server bound to `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split_list(value: object) -> object:
    """Take `a,b` from the environment as a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _check_origin(origin: str) -> str:
    if origin.count("://") != 1 or origin.endswith("/") or not origin.partition("://")[2]:
        raise ValueError(f"{origin!r} is no origin: write it as scheme://host or scheme://host:port")
    return origin


Origin = Annotated[str, AfterValidator(_check_origin)]
LogLevel = Literal["debug", "info", "warning", "error"]


class Settings(BaseSettings):
    """What `trunkline serve` runs with. `load_settings` makes one and explains what is wrong with a bad value.

    Attributes:
        data_dir: directory of the database, the access token and `trunkline.toml`.
        host: address to bind.
        port: TCP port; 0 picks a free one.
        model: the default model, or None to choose by what is there.
        no_auth: everyone who can reach the server is the local user. Loopback only.
        log_level: of Trunkline's own log lines.
        database_url: SQLAlchemy URL; None is an SQLite file in `data_dir`.
        legacy: whether the old endpoint `/api/ws` still answers.
        allowed_origins: origins of other hosts whose pages may write and connect.
        drain_seconds: time to end in after SIGTERM or Ctrl-C; answers in progress have most of it to be finished.
        deflate: compress what goes to clients that offer it, each frame once for all of them.
        limits: what the server takes.
    """

    model_config = SettingsConfigDict(
        env_prefix=_ENV_PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        # `model` is a setting here, and pydantic keeps names that start with `model_` for itself.
        protected_namespaces=(),
    )

    data_dir: Path = Field(default_factory=default_data_dir)
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[NonNegativeInt, Field(le=65_535)] = DEFAULT_PORT
    model: str | None = None
    no_auth: bool = False
    log_level: Annotated[LogLevel, BeforeValidator(lambda v: v.lower() if isinstance(v, str) else v)] = "info"
    database_url: str | None = None
    legacy: bool = True
    allowed_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split_list)] = ()
    drain_seconds: PositiveFloat = 30.0
    deflate: bool = False
    limits: Limits = Field(default_factory=Limits)

    @property
    def storage_url(self) -> str:
        """The database to use."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'trunkline.db').as_posix()}"

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    @model_validator(mode="after")
    def _refuse_open_door(self) -> Self:
        if self.no_auth and not self.is_local:
            raise ValueError(
                f"`no_auth` lets everyone in, and {self.host} can be reached from other machines. "
                "Leave `no_auth` out, or bind to 127.0.0.1"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then the environment, then the file; no `.env` and no secrets directory."""
        flags = init_settings().get("data_dir")
        file = InitSettingsSource(settings_cls, init_kwargs=_read_file(config_path(flags)))
        return init_settings, env_settings, file


def config_path(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """The TOML file: `TRUNKLINE_CONFIG`, or `trunkline.toml` in the data directory."""
    named = os.environ.get(f"{_ENV_PREFIX}CONFIG")
    if named:
        return Path(named)
    directory = data_dir or os.environ.get(f"{_ENV_PREFIX}DATA_DIR") or default_data_dir()
    return Path(directory) / CONFIG_FILE


def _read_file(path: Path) -> dict[str, Any]:
    """Read the settings file; one that nobody asked for may be missing.

    Raises:
        BadSettings: it cannot be read, is no TOML, or was named by `TRUNKLINE_CONFIG` and is not there.
    """
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if os.environ.get(f"{_ENV_PREFIX}CONFIG"):
            raise BadSettings(f"There is no settings file {path}, which TRUNKLINE_CONFIG names") from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"The settings file {path} cannot be read: {error}") from error


def load_settings(**flags: Any) -> Settings:
    """Make the settings from the flags that were given (None is not given), the environment and the file.

    Raises:
        BadSettings: a value is not usable, or a name is unknown.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        where = config_path(given.get("data_dir"))
        raise BadSettings("\n".join(_explain(problem, given, where) for problem in error.errors())) from error
    except SettingsError as error:
        raise BadSettings(f"{error}: {error.__cause__}" if error.__cause__ else str(error)) from error


def _explain(problem: ErrorDetails, flags: dict[str, Any], file: Path) -> str:
    """Say which setting is wrong, why, and where its value came from."""
    message = problem["msg"].removeprefix("Value error, ")
    parts = [str(part) for part in problem["loc"] if not isinstance(part, int)]
    if not parts:
        return f"{message}."
    name = ".".join(parts)
    if problem["type"] == "extra_forbidden":
        return f"There is no setting `{name}`; it stands in {file}."
    variable = _ENV_PREFIX + "__".join(parts).upper()
    if parts[0] in flags:
        source = f"--{parts[0].replace('_', '-')}"
    else:
        source = variable if variable in os.environ else str(file)
    return f"The setting `{name}` from {source} is not usable: {message} (it is {problem['input']!r})."
