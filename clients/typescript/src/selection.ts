/** Which version is meant. */
import { VersionSelector } from "./gen/argosy/v1/artifact.js";

/** At most one of these; none means the latest version. */
export interface Selection {
  /** Label of the version, such as `"3"`. */
  version?: string;
  /** A name that points at one version, such as `"prod"`. */
  alias?: string;
  /** A pipeline: the version of the name in its most recent completed run. */
  pipeline?: string;
  signal?: AbortSignal;
}

export function selectorOf(name: string, { version, alias, pipeline }: Selection): VersionSelector {
  return VersionSelector.fromPartial({
    name,
    version: version ?? "",
    alias: alias ?? "",
    pipelineName: pipeline ?? "",
  });
}
