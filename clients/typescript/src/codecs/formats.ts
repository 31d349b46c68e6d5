/** Which codec keeps which value, and what to do about formats that only Python reads. */
import { FormatError } from "../errors.js";
import type { Codec } from "./codec.js";
import { decodeJson, encodeJson, type JsonOptions, type Parts } from "./json.js";
import { npyCodec } from "./npy.js";
import { parquetCodec } from "./parquet.js";
import { bytesCodec, textCodec } from "./text.js";

const NEUTRAL =
  "let the producer publish a neutral format: numpy arrays become npy, pandas frames parquet, plain containers of " +
  "text and numbers json, str text, bytes bytes, and a pathlib.Path a file or directory of any format, such as ONNX";

const parts: Parts = {
  codecFor: (value) => [npyCodec, parquetCodec, bytesCodec].find((codec) => codec.takes(value)) as Codec | undefined,
  codecOf: (format, what) => codecOf(format, what),
};

/** Makes the json codec; see JsonOptions. */
function jsonCodec(options: JsonOptions = {}): Codec {
  return {
    format: "json",
    takes: () => true,
    encode: (value) => encodeJson(value, parts),
    decode: (files) => decodeJson(files, parts, options),
  };
}

/** In the order in which they are asked whether they take a value. */
const CODECS: readonly Codec[] = [textCodec, bytesCodec, npyCodec, parquetCodec, jsonCodec()] as readonly Codec[];

/** The codec a value is saved with when no format is asked for. */
export function codecFor(value: unknown): Codec {
  return CODECS.find((codec) => codec.takes(value)) as Codec;
}

/**
 * The codec of a format.
 *
 * @param what names the value in messages.
 * @throws FormatError the format is unknown here, or no value in memory; the message has the cure.
 */
export function codecOf(format: string, what: string, options: JsonOptions = {}): Codec {
  if (format === "json" && options.exactNumbers === true) return jsonCodec(options);
  const found = CODECS.find((codec) => codec.format === format);
  if (found !== undefined) return found;
  switch (format) {
    case "file":
    case "directory":
      throw new FormatError(`${what} is a ${format}: read it with download(name, folder) or open(name)`);
    case "reference":
      throw new FormatError(
        `${what} only tells where files lie ("reference"), which this client does not follow; ` +
          "let the producer save the files themselves",
      );
    case "cloudpickle":
    case "skops":
      throw new FormatError(`${what} is in format "${format}", which only Python reads; ${NEUTRAL}`);
    default:
      throw new FormatError(
        `${what} is in format "${format}", of which this client makes no value: ` +
          `read its files with download(name, folder) or open(name), or ${NEUTRAL}`,
      );
  }
}
