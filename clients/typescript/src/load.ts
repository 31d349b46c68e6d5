/** Loads values: one call for a small one. */
import type { JsonOptions } from "./codecs/json.js";
import { codecOf } from "./codecs/formats.js";
import { GetArtifactVersionRequest, ArtifactServiceService } from "./gen/argosy/v1/artifact_service.js";
import type { ArtifactVersion } from "./gen/argosy/v1/artifact.js";
import { type Selection, selectorOf } from "./selection.js";
import type { Connection } from "./transport/connection.js";
import { readFiles, storedFile, verified } from "./transport/download.js";

/** A value of at most so many bytes comes with the answer that tells its version. */
const INLINE_BYTES = 1 << 20;
/** Files below this describe the value for people and are no part of it. */
const PREVIEWS = ".argosy/";

/** Returns a version with its files, and their verified bytes when there are few of them. */
export async function fetchVersion(
  connection: Connection,
  name: string,
  selection: Selection,
  maxContentBytes: number,
): Promise<{ version: ArtifactVersion; contents: Buffer[] }> {
  const request = GetArtifactVersionRequest.fromPartial({
    project: connection.project,
    selector: selectorOf(name, selection),
    maxContentBytes: BigInt(maxContentBytes),
  });
  const settings = { signal: selection.signal };
  const answer = await connection.unary(ArtifactServiceService.getArtifactVersion, request, settings);
  const version = checkedValue(answer.artifactVersion);
  const contents = answer.contents.length === version.files.length ? answer.contents : [];
  return {
    version,
    contents: contents.map((bytes, index) => verified(storedFile(checkedValue(version.files[index])), bytes)),
  };
}

/** Loads a version and decodes it by its format. */
export async function loadValue(
  connection: Connection,
  name: string,
  options: Selection & JsonOptions,
): Promise<{ value: unknown; version: ArtifactVersion }> {
  const { version, contents } = await fetchVersion(connection, name, options, INLINE_BYTES);
  const codec = codecOf(version.format, `"${name}" (version ${version.version})`, options);
  const wanted = version.files.map(storedFile).filter(({ path }) => !path.startsWith(PREVIEWS));
  const bytes =
    contents.length === version.files.length
      ? contents.filter((_, index) => !checkedValue(version.files[index]).path.startsWith(PREVIEWS))
      : await readFiles(connection, wanted, options.signal);
  const files = new Map(wanted.map(({ path }, index) => [path, checkedValue(bytes[index])]));
  return { value: await codec.decode(files), version };
}

/** What an answer always has. */
export function checkedValue<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the server answered without what was asked for");
  return value;
}
