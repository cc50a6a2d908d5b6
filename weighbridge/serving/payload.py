"""KServe's requests as rows, and outputs as KServe's responses: V1 and V2, REST and gRPC."""

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from weighbridge.serving.encode import Encoder, Outputs
from weighbridge.serving.rows import RequestError, Rows, from_columns, from_instances

# What V2 says of the answer's form, and not to the model.
_V2_OWN = frozenset({"binary_data", "binary_data_output", "binary_data_size", "content_type", "headers"})


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        rows: of it.
        parameters: inputs that are given once per request.
        columns: whether V1 asked by column, and gets columns.
    """

    rows: Rows
    parameters: Mapping[str, Any]
    columns: bool = False


def read_v1(body: Any, encoder: Encoder, signature: str) -> Asked:
    """A request of V1: `{"instances": [row, …]}`, or TensorFlow Serving's `{"inputs": {feature: [values]}}`.

    Args:
        body: the JSON document, or its bytes.
        encoder: of the model.
        signature: that is served.

    Raises:
        RequestError: it is none.
    """
    import orjson

    if isinstance(body, bytes | str):
        try:
            body = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise RequestError(f"the request is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise RequestError('the request must be an object, e.g. {"instances": [{"feature": 1.5}]}')
    asked = body.get("signature_name", signature)
    if asked != signature:
        raise RequestError(f"signature {asked!r} is not served, but {signature!r}")
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise RequestError('"parameters" must be an object')
    if "instances" in body:
        return Asked(from_instances(body["instances"], encoder.only), parameters)
    if isinstance(body.get("inputs"), dict):
        return Asked(from_columns(body["inputs"]), parameters, columns=True)
    raise RequestError('the request has no "instances": send {"instances": [{"feature": value, …}, …]}')


def read_v2(request: Any, encoder: Encoder) -> Asked:
    """A request of V2: a tensor per feature, [rows] or [rows, values].

    Args:
        request: KServe's InferRequest.
        encoder: of the model.

    Raises:
        RequestError: names the tensor that is wrong.
    """
    given: dict[str, list[Any]] = {}
    parameters = _parameters(request.parameters)
    for tensor in request.inputs:
        if tensor.name in given:
            raise RequestError(f"input {tensor.name!r} is given twice")
        values = _values(tensor)
        if tensor.name in encoder.parameters:
            flat = np.ravel(np.array(values, object))
            if len(flat) != 1:
                raise RequestError(f"input {tensor.name!r} is given once per request, in the shape [1]")
            parameters[tensor.name] = flat[0]
        elif not isinstance(values, list):
            raise RequestError(f"input {tensor.name!r} has the shape []: its first dimension is the rows")
        else:
            given[tensor.name] = values
    return Asked(from_columns(given), parameters)


def write_v1(outputs: Outputs, *, columns: bool) -> dict[str, Any]:
    """The response of V1: of one output its values, of several an object per row."""
    found = {name: plain(values) for name, values in outputs.items()}
    if columns:
        return {"outputs": next(iter(found.values())) if len(found) == 1 else found}
    if len(found) == 1:
        return {"predictions": next(iter(found.values()))}
    names = list(found)
    return {"predictions": [dict(zip(names, row, strict=True)) for row in zip(*found.values(), strict=True)]}


def write_v2(outputs: Outputs, name: str, version: str, request: Any) -> Any:
    """The response of V2: KServe's InferResponse.

    Args:
        outputs: of the model.
        name: of it.
        version: of it.
        request: that is answered; tells which outputs are wanted, and whether the answer is binary.
    """
    from kserve import InferOutput, InferResponse
    from kserve.utils.numpy_codec import from_np_dtype

    wanted = [each.name for each in request.request_outputs or ()]
    for each in wanted:
        if each not in outputs:
            raise RequestError(f"unknown output {each!r}: the model gives {', '.join(outputs)}")
    binary = bool(request.use_binary_outputs)
    tensors = []
    for each in wanted or outputs:
        values = np.asarray(outputs[each])
        if values.dtype.kind in "SU":
            values = values.astype(object)
        if values.dtype == np.float16 and not binary:  # JSON and KServe have none
            values = values.astype(np.float32)
        tensor = InferOutput(each, list(values.shape), from_np_dtype(values.dtype))
        tensor.set_data_from_numpy(np.ascontiguousarray(values), binary_data=binary)
        tensors.append(tensor)
    number = request.id or str(uuid.uuid4())
    return InferResponse(number, name, tensors, model_version=version, use_binary_outputs=binary)


def plain(values: Any) -> list[Any]:
    """Values of an output as JSON has them: bytes as text, or base64."""
    values = np.asarray(values)
    if values.dtype.kind in "OSU":
        return [_text(each) for each in values.tolist()]
    return values.tolist()


def _text(value: Any) -> Any:
    if isinstance(value, list):
        return [_text(each) for each in value]
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return {"b64": base64.b64encode(value).decode()}
    return value


def _values(tensor: Any) -> Any:
    from kserve.errors import InvalidInput

    if isinstance(tensor.data, list) and tensor.datatype != "BYTES":
        _check_numbers(tensor)  # NumPy would cut 1.5 to 1, and read "7" as 7
    try:
        values = tensor.as_numpy()
    except InvalidInput as error:
        raise RequestError(f"input {tensor.name!r}: {error.reason}") from error
    except (ValueError, TypeError, OverflowError) as error:
        raise RequestError(
            f"input {tensor.name!r} holds no {tensor.datatype} of the shape {list(tensor.shape)}: {error}"
        ) from error
    if values.ndim > 2:
        raise RequestError(f"input {tensor.name!r} has {values.ndim} dimensions: [rows] or [rows, values] is taken")
    return values.tolist()


def _check_numbers(tensor: Any) -> None:
    whole = tensor.datatype.startswith(("INT", "UINT"))
    for value in np.ravel(np.array(tensor.data, object)):
        if isinstance(value, str) or (whole and isinstance(value, float) and not value.is_integer()):
            raise RequestError(f"input {tensor.name!r} holds {value!r}, which is no {tensor.datatype}")


def _parameters(given: Any) -> dict[str, Any]:
    from kserve.protocol.infer_type import to_http_parameters

    return {name: value for name, value in (to_http_parameters(given) if given else {}).items() if name not in _V2_OWN}
