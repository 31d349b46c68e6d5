/** Saves values: one call for a small one. */
import { Readable } from "node:stream";

import { codecFor, codecOf } from "./codecs/formats.js";
import { DirectoryValue, encodeDirectory, encodeFile, FileValue } from "./codecs/trees.js";
import { fileContent, type NewFile, type Stream, withSpooled } from "./content.js";
import { FormatError } from "./errors.js";
import { ArtifactSpec, type ArtifactVersion } from "./gen/argosy/v1/artifact.js";
import { ArtifactServiceService, CreateArtifactVersionRequest } from "./gen/argosy/v1/artifact_service.js";
import { answered, type Connection } from "./transport/connection.js";
import { createFrom, type SaveSettings } from "./transport/send_files.js";

export interface SaveOptions extends SaveSettings {
  /** `json`, `text`, `bytes`, `npy`, `parquet`, `file` or `directory`; goes by the value when left out. */
  format?: string;
  /** Label of the version; the next number when left out. */
  version?: string;
  /** Aliases that point at the version as soon as it is visible. */
  aliases?: readonly string[];
  tags?: readonly string[];
  /** Facts about the value, each of which JSON can say. */
  metadata?: Readonly<Record<string, unknown>>;
  /** What the value is, in words. */
  description?: string;
}

/** A value as files of a format. */
export interface Encoded {
  readonly format: string;
  readonly files: readonly NewFile[];
}

export async function saveValue(
  connection: Connection,
  name: string,
  value: unknown,
  options: SaveOptions,
  maker: { stepRunId?: string; stepAttempt?: number } = {},
): Promise<ArtifactVersion> {
  return withEncoded(value, options, async ({ format, files }) => {
    const spec = { ...specOf(name, format, options), ...maker };
    const answer = await createFrom(connection, files, options, (sent) =>
      connection.ask(
        ArtifactServiceService.createArtifactVersion,
        CreateArtifactVersionRequest,
        { spec, files: sent },
        { signal: options.signal },
      ),
    );
    return answered(answer.artifactVersion);
  });
}

/** Facts as the JSON documents the service keeps. */
export function jsonDocuments(what: string, facts: Readonly<Record<string, unknown>> = {}): Record<string, string> {
  const documents = Object.entries(facts).map(([key, fact]): [string, string] => {
    let document: string | undefined;
    try {
      document = JSON.stringify(fact, refuseLost);
    } catch (error) {
      throw new FormatError(`${what} "${key}" is nothing JSON can say: ${(error as Error).message}`, { cause: error });
    }
    if (document === undefined) throw new FormatError(`${what} "${key}" is nothing JSON can say`);
    return [key, document];
  });
  return Object.fromEntries(documents);
}

/** Refuses what JSON.stringify would put something else for without a word. */
function refuseLost(_: string, part: unknown): unknown {
  if (typeof part === "number" && !Number.isFinite(part)) throw new RangeError(`it has ${part}`);
  if (part instanceof Map || part instanceof Set) throw new TypeError("it has a Map or a Set");
  return part;
}

/** Copies a list of labels; a text would be taken for a list of its letters. */
function labels(what: string, list: readonly string[] = []): string[] {
  if (!Array.isArray(list)) throw new FormatError(`${what} is ${JSON.stringify(list)}; write a list: [...]`);
  return [...list];
}

export function specOf(name: string, format: string, options: SaveOptions): ArtifactSpec {
  return ArtifactSpec.fromPartial({
    name,
    format,
    version: options.version ?? "",
    aliases: labels("aliases", options.aliases),
    tags: labels("tags", options.tags),
    description: options.description ?? "",
    metadata: jsonDocuments("metadata", options.metadata),
  });
}

/** Encodes a value and hands it to `use`; what a stream was spooled to is gone afterwards. */
export async function withEncoded<T>(
  value: unknown,
  { format, signal }: Pick<SaveOptions, "format" | "signal">,
  use: (encoded: Encoded) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  if (isStream(value)) {
    const asked = format ?? "bytes";
    if (asked !== "bytes") throw new FormatError(`a stream is kept as bytes, not as "${asked}"`);
    return withSpooled(value, signal, (content) => use({ format: asked, files: [{ path: "data.bin", content }] }));
  }
  return use(await encode(value, format));
}

function isStream(value: unknown): value is Stream {
  return value instanceof Readable || (typeof value === "object" && value !== null && Symbol.asyncIterator in value);
}

async function encode(value: unknown, format: string | undefined): Promise<Encoded> {
  if (value instanceof FileValue || value instanceof DirectoryValue) return encodeTree(value, format);
  if (format === "file" || format === "directory") {
    throw new FormatError(`format "${format}" keeps a path of the disk: write ${format}(path)`);
  }
  const codec = format === undefined ? codecFor(value) : codecOf(format, "the value");
  return { format: codec.format, files: await codec.encode(value) };
}

async function encodeTree(value: FileValue | DirectoryValue, format: string | undefined): Promise<Encoded> {
  if (value instanceof DirectoryValue) {
    if (format !== undefined && format !== "directory") throw new FormatError(`a directory is no "${format}"`);
    return { format: "directory", files: await encodeDirectory(value) };
  }
  // The bytes of a file, without its name and in bounded memory.
  if (format === "bytes") return { format, files: [{ path: "data.bin", content: fileContent(value.path) }] };
  if (format !== undefined && format !== "file")
    throw new FormatError(`a file is saved as "file" or "bytes", not as "${format}"`);
  return { format: "file", files: await encodeFile(value) };
}
