/**
 * Saves and loads artifacts of an Argosy store.
 *
 *     const client = new ArgosyClient({ server: "grpc://127.0.0.1:50051" });
 *     const { value } = await client.load("weights", { alias: "prod" });
 */
export { ArgosyClient } from "./client.js";
export { type ClientOptions } from "./config.js";
export { type Loaded, type LoadOptions } from "./load.js";
export { type SaveOptions } from "./save.js";
export { PipelineRun, type RunOptions } from "./runs.js";
export { output, RunningStep, type StepOptions, StepOutput } from "./steps.js";
export { type Selection } from "./selection.js";
export { type EventKind, Watch, type WatchedEvent, type WatchFilter } from "./watch.js";
export { Float, FrozenSet, Tagged, toDate, Tuple } from "./codecs/json_values.js";
export { NpyArray, type NpyData } from "./codecs/npy.js";
export { type Column, Table } from "./codecs/table.js";
export { directory, DirectoryValue, file, FileValue } from "./codecs/trees.js";
export * from "./errors.js";
export type { ArtifactFile, ArtifactSummary, ArtifactVersion } from "./gen/argosy/v1/artifact.js";
export { ArtifactServiceService } from "./gen/argosy/v1/artifact_service.js";
export { BlobServiceService } from "./gen/argosy/v1/blob_service.js";
export { PipelineServiceService } from "./gen/argosy/v1/pipeline_service.js";
