/** Which version is meant. */
import { status } from "@grpc/grpc-js";

import { InvalidFieldError } from "./errors.js";
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

/** @throws InvalidFieldError a member is there and says nothing: the service would take it for one that is not. */
export function selectorOf(name: string, { version, alias, pipeline }: Selection): VersionSelector {
  for (const [member, text] of Object.entries({ version, alias, pipeline })) {
    if (text !== "" && text !== null) continue;
    const what = `the ${member} of "${name}" to select is empty; name one, or leave it out for the latest`;
    throw new InvalidFieldError(what, { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" });
  }
  return VersionSelector.fromPartial({
    name,
    version: version ?? "",
    alias: alias ?? "",
    pipelineName: pipeline ?? "",
  });
}
