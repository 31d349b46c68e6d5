/** Loads values: one call for a small one. */
import type { JsonOptions } from "./codecs/json.js";
import { codecOf } from "./codecs/formats.js";
import { GetArtifactVersionRequest, ArtifactServiceService } from "./gen/argosy/v1/artifact_service.js";
import type { ArtifactVersion } from "./gen/argosy/v1/artifact.js";
import { type Selection, selectorOf } from "./selection.js";
import { answered, type Connection } from "./transport/connection.js";
import { readFiles, type StoredFile, storedFile, verified } from "./transport/download.js";

/** A value of at most so many bytes comes with the answer that tells its version. */
const INLINE_BYTES = 1 << 20;
/** Files below this describe the value for people and are no part of it. */
const PREVIEWS = ".argosy/";

/** A value and the version it was. */
export interface Loaded<T> {
  readonly value: T;
  readonly version: ArtifactVersion;
}

export interface LoadOptions extends Selection, JsonOptions {}

/** The files of a version that are its value. */
export function filesOf({ files }: ArtifactVersion): StoredFile[] {
  return files.map(storedFile).filter(({ path }) => !path.startsWith(PREVIEWS));
}

/** Returns a version with its files, and their verified bytes when there are few of them. */
export async function fetchVersion(
  connection: Connection,
  name: string,
  selection: Selection,
  maxContentBytes: number,
): Promise<{ version: ArtifactVersion; contents: Buffer[] }> {
  const answer = await connection.ask(
    ArtifactServiceService.getArtifactVersion,
    GetArtifactVersionRequest,
    { selector: selectorOf(name, selection), maxContentBytes: BigInt(maxContentBytes) },
    selection,
  );
  const version = answered(answer.artifactVersion);
  const contents = answer.contents.length === version.files.length ? answer.contents : [];
  return {
    version,
    contents: contents.map((bytes, index) => verified(storedFile(answered(version.files[index])), bytes)),
  };
}

/** Loads a version and decodes it by its format. */
export async function loadValue<T>(connection: Connection, name: string, options: LoadOptions): Promise<Loaded<T>> {
  const { version, contents } = await fetchVersion(connection, name, options, INLINE_BYTES);
  const codec = codecOf(version.format, `"${name}" (version ${version.version})`, options);
  const wanted = filesOf(version);
  const bytes =
    contents.length === version.files.length
      ? contents.filter((_, index) => !answered(version.files[index]).path.startsWith(PREVIEWS))
      : await readFiles(connection, wanted, options.signal);
  const files = new Map(wanted.map(({ path }, index) => [path, answered(bytes[index])]));
  return { value: (await codec.decode(files)) as T, version };
}
