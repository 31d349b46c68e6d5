/** Formats `text` and `bytes`. */
import { bytesContent } from "../content.js";
import { FormatError } from "../errors.js";
import { type Codec, fileOf } from "./codec.js";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads UTF-8 and nothing else. */
export function decodeUtf8(bytes: Uint8Array, path: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new FormatError(`"${path}" is not UTF-8`);
  }
}

export const textCodec: Codec<string> = {
  format: "text",
  // Text with lone surrogates is not UTF-8; Python keeps it as json, and so do we.
  takes: (value) => typeof value === "string" && value.isWellFormed(),
  encode(value) {
    if (typeof value !== "string") throw new FormatError(`format "text" keeps a string, not ${typeof value}`);
    if (!value.isWellFormed()) {
      throw new FormatError('format "text" keeps no lone surrogates; save it with { format: "json" }');
    }
    return [{ path: "data.txt", content: bytesContent(Buffer.from(value, "utf8")) }];
  },
  decode: (files) => decodeUtf8(fileOf(files, "text", "data.txt"), "data.txt"),
};

export const bytesCodec: Codec<Uint8Array> = {
  format: "bytes",
  takes: (value) => value instanceof Uint8Array,
  encode(value) {
    if (!(value instanceof Uint8Array)) throw new FormatError(`format "bytes" keeps a Uint8Array, not ${typeof value}`);
    return [{ path: "data.bin", content: bytesContent(value) }];
  },
  decode: (files) => fileOf(files, "bytes", "data.bin"),
};
