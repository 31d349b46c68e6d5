/** The client: what a service does with artifacts, in one class. */
import { Readable } from "node:stream";

import { contentPath, emptyDirectories } from "./codecs/trees.js";
import { type ClientOptions, resolveConfig } from "./config.js";
import { FormatError } from "./errors.js";
import type { ArtifactSummary, ArtifactVersion } from "./gen/argosy/v1/artifact.js";
import {
  ArtifactServiceService,
  DeleteAliasRequest,
  ListArtifactsRequest,
  ListArtifactVersionsRequest,
  SetAliasRequest,
} from "./gen/argosy/v1/artifact_service.js";
import { fetchVersion, filesOf, type Loaded, type LoadOptions, loadValue } from "./load.js";
import { saveValue, type SaveOptions } from "./save.js";
import { createRun, type PipelineRun, type RunOptions } from "./runs.js";
import { type RunningStep, startStep, type StepOptions } from "./steps.js";
import { type Selection, selectorOf } from "./selection.js";
import { answered, Connection, type Method } from "./transport/connection.js";
import { downloadDirectory } from "./transport/download_directory.js";
import { fileChunks, readFiles, type StoredFile, storedFile } from "./transport/download.js";
import { Watch, type WatchFilter } from "./watch.js";

/** Speaks to one project of one store. Connects at the first call; close it when it is not needed any more. */
export class ArgosyClient {
  private readonly connection: Connection;

  /** @throws ConfigurationError no server is named, or a setting is malformed. */
  constructor(options: ClientOptions = {}) {
    this.connection = new Connection(resolveConfig(options));
  }

  /** The project all calls are about. */
  get project(): string {
    return this.connection.project;
  }

  /**
   * Asks the server for its limits, which every other call does by itself when it is the first.
   *
   * @throws ProtocolRevisionError it is older or newer than this client.
   */
  async connect(signal?: AbortSignal): Promise<{ serverVersion: string; storeId: string }> {
    const { serverVersion, storeId } = await this.connection.capabilities(signal);
    return { serverVersion, storeId };
  }

  /** Ends all connections; calls that are on their way fail. */
  close(): void {
    this.connection.close();
  }

  /**
   * Saves a value as a new version, which is visible whole or not at all. The format goes by the value, unless it is
   * asked for: a string is text, a Uint8Array or a stream bytes, an NpyArray npy, a Table parquet, `file(path)` and
   * `directory(path)` what they say, and everything else json.
   *
   * @throws FormatError the format cannot keep the value; nothing was sent.
   * @throws VersionExistsError the label `version` is taken.
   */
  async save(name: string, value: unknown, options: SaveOptions = {}): Promise<ArtifactVersion> {
    return saveValue(this.connection, name, value, options);
  }

  /**
   * Loads a value into memory. Every byte of it was compared with the digest of the store before.
   *
   * @throws ArtifactNotFoundError nothing matches.
   * @throws FormatError its format is read by download() or open(), or by Python alone.
   */
  async load<T = unknown>(name: string, options: LoadOptions = {}): Promise<Loaded<T>> {
    return loadValue(this.connection, name, options);
  }

  /** Tells what is known about a version, its files included. */
  async get(name: string, selection: Selection = {}): Promise<ArtifactVersion> {
    return (await fetchVersion(this.connection, name, selection, 0)).version;
  }

  /**
   * Opens one file of a version as a stream, which goes on after breaks. It ends well only when all bytes were compared
   * with the digest of the store: use nothing of it after an error.
   *
   * @param options path inside the version, needed when it has several files.
   * @throws FormatError there is no such file, or no single one.
   */
  async open(name: string, options: Selection & { path?: string } = {}): Promise<Readable> {
    const version = await this.get(name, options);
    const found = chosenFile(version, options.path);
    const stop = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
    const stream = Readable.from(fileChunks(this.connection, found, signal), {
      objectMode: false,
      highWaterMark: 1 << 20,
    });
    stream.once("close", () => stop.abort(new Error("the stream was closed")));
    return stream;
  }

  /**
   * Downloads a version into a directory that must be new or empty: the one file of format `file` under its own name,
   * the content of a `directory`, and of any other format its files as they are. The directory appears when all of it
   * is verified.
   *
   * @throws FormatError a name of the version leads out of the directory; nothing was written.
   */
  async download(name: string, target: string, selection: Selection = {}): Promise<ArtifactVersion> {
    const version = await this.get(name, selection);
    const stored = filesOf(version);
    if (version.format === "file" && (stored.length !== 1 || stored[0]?.path.includes("/"))) {
      const paths = stored.map(({ path }) => JSON.stringify(path)).join(", ");
      throw new FormatError(
        `"${name}" is of format "file", which is one file without directories, but has ${paths || "none"}`,
      );
    }
    if (version.format !== "directory") {
      await downloadDirectory(this.connection, stored, [], target, selection.signal);
      return version;
    }
    const told = stored.filter(({ path }) => path === "directory.json");
    const [bytes] = await readFiles(this.connection, told, selection.signal);
    const empty = emptyDirectories(new Map(bytes === undefined ? [] : [["directory.json", bytes]]));
    const content = stored.flatMap((found): StoredFile[] => {
      const path = contentPath(found.path);
      return path === undefined ? [] : [{ ...found, path }];
    });
    await downloadDirectory(this.connection, content, empty, target, selection.signal);
    return version;
  }

  /** Watches what changes, from now or from a cursor on; returns when the watch has begun. */
  async watch(filter: WatchFilter = {}): Promise<Watch> {
    return Watch.begin(this.connection, filter);
  }

  /** Points an alias at a version; a move is one step for every reader. */
  async setAlias(name: string, version: string, alias: string, signal?: AbortSignal): Promise<ArtifactVersion> {
    const { artifactVersion } = await this.connection.ask(
      ArtifactServiceService.setAlias,
      SetAliasRequest,
      { alias, selector: selectorOf(name, { version }) },
      { signal },
    );
    return answered(artifactVersion);
  }

  /** Removes an alias; the version stays. */
  async deleteAlias(name: string, alias: string, signal?: AbortSignal): Promise<void> {
    await this.connection.ask(ArtifactServiceService.deleteAlias, DeleteAliasRequest, { name, alias }, { signal });
  }

  /** Yields artifacts by name, each with its latest version. */
  async *list(
    options: { nameContains?: string; includeUnnamed?: boolean; signal?: AbortSignal } = {},
  ): AsyncGenerator<ArtifactSummary> {
    const { nameContains = "", includeUnnamed = false, signal } = options;
    yield* eachOfPages(async (page) => {
      const fields = { nameContains, includeUnnamed, ...page };
      const answer = await this.connection.ask(ArtifactServiceService.listArtifacts, ListArtifactsRequest, fields, {
        signal,
      });
      return [answer.artifacts, answer.nextPageToken];
    });
  }

  /** Yields versions, newest first and without their files: of one artifact, or of all. */
  async *versions(name = "", options: { tag?: string; signal?: AbortSignal } = {}): AsyncGenerator<ArtifactVersion> {
    const { tag = "", signal } = options;
    yield* eachOfPages(async (page) => {
      const answer = await this.connection.ask(
        ArtifactServiceService.listArtifactVersions,
        ListArtifactVersionsRequest,
        { name, tag, ...page },
        { signal },
      );
      return [answer.artifactVersions, answer.nextPageToken];
    });
  }

  /** Starts a step in a run, such as one of a pipeline in Python that this service does a part of. */
  async startStep(options: StepOptions): Promise<RunningStep> {
    return startStep(this.connection, options);
  }

  /** Starts a run of a pipeline that this process drives. */
  async createRun(pipeline: string, options: RunOptions = {}): Promise<PipelineRun> {
    return createRun(this.connection, pipeline, options);
  }

  /**
   * Makes any call with one request and one answer, for what this class does not wrap:
   * `client.call(ArtifactServiceService.getLineage, GetLineageRequest.fromPartial({ … }))`.
   */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    options: { signal?: AbortSignal | undefined } = {},
  ): Promise<Response> {
    return this.connection.unary(method, request, options);
  }
}

/** Yields what is on all pages; `ask` returns one page and the token of the next. */
async function* eachOfPages<T>(
  ask: (page: { pageSize: number; pageToken: string }) => Promise<[T[], string]>,
): AsyncGenerator<T> {
  for (let pageToken: string | undefined; pageToken !== ""; ) {
    const [items, next] = await ask({ pageSize: 1000, pageToken: pageToken ?? "" });
    yield* items;
    pageToken = next;
  }
}

function chosenFile(version: ArtifactVersion, path: string | undefined): StoredFile {
  const { name, format, files } = version;
  const value = filesOf(version);
  if (path === undefined && value.length === 1) return value[0] as StoredFile;
  const found = files.find((candidate) => candidate.path === path);
  if (found !== undefined) return storedFile(found);
  const some = files
    .slice(0, 5)
    .map((candidate) => JSON.stringify(candidate.path))
    .join(", ");
  const told = files.length > 5 ? `${some} and ${files.length - 5} more` : some;
  const what = path === undefined ? "which of its files is not said" : `it has no file ${JSON.stringify(path)}`;
  throw new FormatError(`"${name}" is of format "${format}" and ${what}; there are ${told}: name one as path`);
}
