"""``json.json``: documents of the format ``json``, who has to read each, and what is written of it again."""

from __future__ import annotations

import base64
import json
from typing import Any

from argosy.errors import MaterializerError
from argosy.materializers.json_family.decoding import JsonDecoder
from argosy.materializers.json_family.encoding import JsonEncoder

ABOUT = (
    "reader: `must` means that every reader takes the document and writes it again as `canonical`; `may` that it does "
    "so or refuses the document with an error that names the first of `escapes`, never anything else; `refuse` that "
    "every reader refuses it. Two documents are the same when their structure is: members of objects in any order, "
    "payloads of $set and $frozenset in any order, numbers by value, where -0.0 is not 0.0 and where a language that "
    "tells integers from floats keeps each what it is."
)

MUST = {
    "null": "null",
    "true": "true",
    "false": "false",
    "zero": "0",
    "a negative integer": "-7",
    "the largest exact integer": "9007199254740991",
    "the smallest exact integer": "-9007199254740991",
    "a float": "1.5",
    "a whole float": "1.0",
    "negative zero": "-0.0",
    "a float with an exponent": "1e300",
    "a float with a capital exponent": "2.5E-3",
    "the smallest float": "5e-324",
    "the largest float": "1.7976931348623157e308",
    "a float with 17 digits": "0.30000000000000004",
    "an exponent without a point is a float": "1e2",
    "empty text": '""',
    "text beyond ASCII": '"déjà vu, 東京, 🎉"',
    "escaped text": r'"\"\\\/\b\f\n\r\té🎉\u0000"',
    "a pair of surrogates, escaped": r'"\ud83c\udf89"',
    "line separators inside text": '"a\u2028b\u2029c"',
    "text that looks like an escape": '"$int"',
    "an empty list": "[]",
    "an empty object": "{}",
    "nested containers": '{"a":1,"b":[1.5,"x",null],"c":{"d":[[]]}}',
    "white space between tokens": ' {\n\t"a" : [ 1 ,\r\n 2 ] } ',
    "a member without a name": '{"":1}',
    "a member that holds $ but does not begin with it": '{"a$":1}',
    "two members are never an escape": '{"$int":"1","$x":2}',
    "150 levels": "[" * 150 + "]" * 150,
    "integers beyond 2^53": '{"$int":"9007199254740993"}',
    "an escape whose name is escaped": r'{"\u0024int":"9007199254740993"}',
    "integers beyond 64 bits": '{"$int":"-170141183460469231731687303715884105728"}',
    "integers beyond 4096 bits": '{"$int":"0x1' + "0" * 1024 + '"}',
    "not a number": '{"$float":"nan"}',
    "infinity": '{"$float":"inf"}',
    "negative infinity": '{"$float":"-inf"}',
    "bytes": '{"$bytes":"AAH/"}',
    "no bytes": '{"$bytes":""}',
    "a bytearray": '{"$bytearray":"AAH/"}',
    "a tuple": '{"$tuple":[1,"a",null]}',
    "an empty tuple": '{"$tuple":[]}',
    "a set": '{"$set":["a","b"]}',
    "an empty set": '{"$set":[]}',
    "a frozenset": '{"$frozenset":[1,2]}',
    "a tuple in a set": '{"$set":[{"$tuple":[1,2]}]}',
    "keys that are integers": '{"$dict":[[1,"one"],[2,"two"]]}',
    "keys that are tuples": '{"$dict":[[{"$tuple":[0,1]},0.5]]}',
    "a dict of the shape of an escape": '{"$dict":[["$int","1"]]}',
    "an ordered dict": '{"$ordereddict":[["b",1],["a",2]]}',
    "a moment without offset": '{"$datetime":"2026-03-01T12:30:00"}',
    "a moment with microseconds": '{"$datetime":"2026-03-01T12:30:00.000001"}',
    "a moment in UTC": '{"$datetime":"2026-03-01T12:30:00+00:00"}',
    "a moment elsewhere": '{"$datetime":"2026-03-01T12:30:00-05:30"}',
    "a date": '{"$date":"2026-03-01"}',
    "a time": '{"$time":"23:59:59.999999"}',
    "a duration": '{"$timedelta":[1,2,3]}',
    "a negative duration": '{"$timedelta":[-1,86399,999999]}',
    "a UUID": '{"$uuid":"0123abcd-0000-4000-8000-00000000000f"}',
    "a decimal": '{"$decimal":"1.10"}',
    "a large decimal": '{"$decimal":"1E+40"}',
    "escapes deep inside": '{"a":[{"$tuple":[{"$bytes":"YQ=="},{"b":{"$int":"9007199254740992"}}]}]}',
}

MAY = {
    "a large integer written as a number": "9007199254740993",
    "a lone surrogate escaped in text": r'"\ud800"',
    "text that is not Unicode": '{"$str":"7aCA"}',
    "a complex number": '{"$complex":[1.0,{"$float":"nan"}]}',
    "a fraction": '{"$fraction":[1,3]}',
    "a decimal that is no number": '{"$decimal":"NaN"}',
    "a moment with seconds in its offset": '{"$datetime":"2026-03-01T12:30:00+01:02:03"}',
    "a moment of a named zone": '{"$datetime":["2026-10-25T02:30:00",{"$zoneinfo":"Europe/Berlin"},1]}',
    "a time of a named zone": '{"$time":["02:30:00",{"$zoneinfo":"Europe/Berlin"},0]}',
    "a time with an offset": '{"$time":"02:30:00+02:00"}',
    "a zone": '{"$zoneinfo":"Europe/Berlin"}',
    "an offset": '{"$timezone":[3600000000]}',
    "an offset with a name": '{"$timezone":[3600000000,"CET"]}',
    "a range": '{"$range":[0,10,2]}',
    "a slice": '{"$slice":[null,{"$int":"9007199254740993"},-1]}',
    "a deque": '{"$deque":[[1,2],3]}',
    "a deque without a limit": '{"$deque":[[1,2],null]}',
    "a counter": '{"$counter":[["a",2]]}',
    "a dict with a default": '{"$defaultdict":["list",[["a",[1]]]]}',
    "a dict with no default": '{"$defaultdict":[null,[]]}',
    "an enum": '{"$enum":["uuid:SafeUUID","safe"]}',
    "flags": '{"$flag":["re:RegexFlag",10]}',
    "a named tuple": '{"$namedtuple":["difflib:Match",[1,2,3]]}',
    "a dataclass inside": '[{"$dataclass":["pstats:StatsProfile",{"total_tt":0.5,"func_profiles":{}}]}]',
    "a numpy scalar": '[{"$numpy":["<f4",1.5]}]',
    "a numpy tick": '[{"$numpy":["<M8[s]",1700000000]}]',
    "a pandas scalar": '[{"$pandas":["Timestamp",1700000000000,"ms",null]}]',
    "a missing value of pandas": '[{"$pandas":["NA"]}]',
}

# What only the program that saved it can read; the error names the escape.
FOREIGN = {
    "a model inside": '[{"$model":["shop.orders:Order",{"total":1.5}]}]',
    "a part of another format": '[{"$value":{"at":"items/0","materializer":"argosy.numpy","type":"numpy:ndarray",'
    '"format":"npy"}}]',
}

REFUSED: dict[str, str | bytes] = {
    "nothing": "",
    "two documents": "1 2",
    "an open list": "[1,2",
    "a trailing comma": "[1,2,]",
    "single quotes": "{'a':1}",
    "a name without quotes": "{a:1}",
    "a comment": "[1] // one",
    "a leading zero": "01",
    "a plus": "+1",
    "a point without digits": "1.",
    "not a number, bare": "NaN",
    "infinity, bare": "[-Infinity]",
    "a control character in text": '"a\nb"',
    "a byte order mark": "\ufeff1",
    "bytes that are not UTF-8": b'"\xff"',
    "text cut in a letter": b'"\xc3"',
    "an unknown escape": '{"$unheard-of":1}',
    "an escape without a name": '{"$":1}',
    "an unknown escape deep inside": '{"a":[{"$unheard-of":[]}]}',
    "an integer that is none": '{"$int":"12a"}',
    "an integer that is a number": '{"$int":1.5}',
    "a float that is none": '{"$float":"huge"}',
    "base64 that is none": '{"$bytes":"a"}',
    "base64 with other letters": '{"$bytes":"AA*/"}',
    "base64 without its padding": '{"$bytes":"AA"}',
    "base64 in two lines": '{"$bytes":"AAAA\\nAAAA"}',
    "a tuple that is no list": '{"$tuple":5}',
    "a dict without pairs": '{"$dict":[[1]]}',
    "a date that is none": '{"$date":"2026-13-01"}',
    "a date after the year 9999": '{"$date":"+10000-01-01"}',
    "a moment that is none": '{"$datetime":"yesterday"}',
    "a moment on the 30th of February": '{"$datetime":"2026-02-30T12:30:00"}',
    "a moment at 24 hours": '{"$datetime":"2026-03-01T24:00:00"}',
    "a time of 25 hours": '{"$time":"25:00:00"}',
    "a duration of text": '{"$timedelta":["1",2,3]}',
    "a UUID that is none": '{"$uuid":"0123"}',
    "a decimal that is none": '{"$decimal":"1,5"}',
}


def make() -> dict[str, Any]:
    """Return the file."""
    vectors = [_taken(name, text, "must") for name, text in MUST.items()]
    vectors += [_taken(name, text, "may") for name, text in MAY.items()]
    vectors += [_vector(name, text, "may", canonical=text) for name, text in FOREIGN.items()]
    vectors += [_refused(name, document) for name, document in REFUSED.items()]
    return {"about": ABOUT, "vectors": vectors}


def _taken(name: str, text: str, reader: str) -> dict[str, Any]:
    """Return a vector that Python reads and writes again."""
    encoded = JsonEncoder(None).encode(JsonDecoder(None).decode(text.encode()))
    canonical = json.dumps(encoded, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _vector(name, text, reader, canonical=canonical)


def _refused(name: str, document: str | bytes) -> dict[str, Any]:
    """Return a vector that Python refuses."""
    raw = document.encode() if isinstance(document, str) else document
    try:
        value = JsonDecoder(None).decode(raw)
    except MaterializerError:
        return _vector(name, document, "refuse")
    raise AssertionError(f"{name}: Python reads it, as {value!r}")


def _vector(name: str, document: str | bytes, reader: str, **more: str) -> dict[str, Any]:
    if isinstance(document, bytes):
        return {"name": name, "document_base64": base64.b64encode(document).decode(), "reader": reader, **more}
    vector = {"name": name, "document": document, "reader": reader, **more}
    return vector | {"escapes": _escapes(document)} if reader == "may" else vector


def _escapes(document: str) -> list[str]:
    """Return the escapes of a document from the outside to the inside."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if len(value) == 1 and next(iter(value)).startswith("$"):
                found.append(next(iter(value)))
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(json.loads(document))
    return found
