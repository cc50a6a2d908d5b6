"""A pipeline that is given secrets, and whose one step says whether it got them."""

from typing import Any

from pydantic import SecretStr

from weighbridge import definition
from weighbridge.common.resources import Resources


class Parameters(definition.Parameters):
    data: str = "none"
    password: SecretStr = SecretStr("")
    source: str = ""
    api_key: str = ""
    hidden: str = ""
    mounted: bool = True


def create_pipeline(parameters: Parameters, context: definition.Context) -> Any:
    from tests.weighbridge.local.secretive_components import Fetch

    config = f'{{"login": {{"password": "{parameters.password.get_secret_value()}"}}}}'
    source = f"postgres://me:{parameters.hidden}@host" if parameters.hidden else parameters.source
    fetch = Fetch(source=source, config=config)
    if parameters.mounted:
        fetch.resources = Resources(secrets={"DB_PASSWORD": "database/password"})
    return context.pipeline([fetch])
