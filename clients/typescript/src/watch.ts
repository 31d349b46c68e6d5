/** Watching artifacts: events one after the other, with nothing missed and nothing twice, whatever breaks. */
import { status } from "@grpc/grpc-js";

import { InvalidFieldError, StalledError } from "./errors.js";
import { ArtifactServiceService } from "./gen/argosy/v1/artifact_service.js";
import {
  type ArtifactEvent,
  ArtifactEventKind,
  WatchArtifactsRequest,
  type WatchArtifactsResponse,
} from "./gen/argosy/v1/watch.js";
import { Backoff, worthRetrying } from "./transport/backoff.js";
import type { Connection } from "./transport/connection.js";
import { isReason, receive } from "./transport/streams.js";

/** What can happen to an artifact. */
export type EventKind = "version_created" | "alias_moved" | "alias_removed" | "version_updated" | "version_deleted";

const KINDS: Readonly<Record<EventKind, ArtifactEventKind>> = {
  version_created: ArtifactEventKind.ARTIFACT_EVENT_KIND_VERSION_CREATED,
  alias_moved: ArtifactEventKind.ARTIFACT_EVENT_KIND_ALIAS_MOVED,
  alias_removed: ArtifactEventKind.ARTIFACT_EVENT_KIND_ALIAS_REMOVED,
  version_updated: ArtifactEventKind.ARTIFACT_EVENT_KIND_VERSION_UPDATED,
  version_deleted: ArtifactEventKind.ARTIFACT_EVENT_KIND_VERSION_DELETED,
};
/** Seconds without a word after which a watch is taken for broken; the server says something every 15. */
const QUIET_SECONDS = 45;
const NAMES = new Map(Object.entries(KINDS).map(([name, kind]) => [kind, name as EventKind]));

/** Which events are wanted; all of the filters hold together. */
export interface WatchFilter {
  /** Where to begin: after what this cursor of an event stands for. Now when left out. */
  cursor?: string;
  name?: string;
  alias?: string;
  tag?: string;
  kinds?: readonly EventKind[];
  /** Also step outputs that were given no name. */
  includeUnnamed?: boolean;
  signal?: AbortSignal;
}

/** One change; see ArtifactEvent of the protos for the other fields. */
export interface WatchedEvent extends Omit<ArtifactEvent, "kind"> {
  /** `unknown` is one that is newer than this client. */
  readonly kind: EventKind | "unknown";
  /** Stands for all up to and including this event; a watch from here goes on with the next one. */
  readonly cursor: string;
}

/** A watch that has begun: what happens from now on is not missed. Iterate it once. */
export class Watch implements AsyncIterable<WatchedEvent> {
  private readonly stop = new AbortController();
  private readonly signal: AbortSignal;
  /** Whoever has begun to watch wants to go on when a server comes back, however late. */
  private backoff = new Backoff();
  private stream: AsyncGenerator<WatchArtifactsResponse> | undefined;
  private last: string;

  private constructor(
    private readonly connection: Connection,
    private readonly filter: WatchFilter,
  ) {
    refuseUnknown(filter);
    this.last = filter.cursor ?? "";
    this.signal = filter.signal ? AbortSignal.any([filter.signal, this.stop.signal]) : this.stop.signal;
  }

  /** Begins to watch, and returns when the server has answered from where. */
  static async begin(connection: Connection, filter: WatchFilter): Promise<Watch> {
    const watch = new Watch(connection, filter);
    await watch.next();
    watch.backoff = new Backoff(Infinity);
    return watch;
  }

  /** Stands for all that was read so far. */
  get cursor(): string {
    return this.last;
  }

  /** Ends the watch; whoever iterates it sees its end. */
  close(): void {
    this.stop.abort(new Error("the watch was closed"));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchedEvent> {
    try {
      for (;;) {
        const { event, cursor } = await this.next();
        if (event !== undefined) yield { ...event, kind: NAMES.get(event.kind) ?? "unknown", cursor };
      }
    } catch (error) {
      if (!this.stop.signal.aborted) throw error;
    } finally {
      this.close();
      await this.stream?.return(undefined);
    }
  }

  private async next(): Promise<WatchArtifactsResponse> {
    for (;;) {
      try {
        this.stream ??= this.open();
        const { done, value } = await this.stream.next();
        if (done) throw new StalledError("the server ended the watch");
        this.backoff.progressed();
        this.last = value.cursor;
        return value;
      } catch (error) {
        this.stream = undefined;
        this.signal.throwIfAborted();
        if (!worthRetrying(error) && !isReason(error, "WATCH_STALLED")) throw error;
        await this.backoff.pause(error, this.signal);
      }
    }
  }

  private open(): AsyncGenerator<WatchArtifactsResponse> {
    const { kinds = [], name, alias, tag, includeUnnamed } = this.filter;
    const request = this.connection.request(WatchArtifactsRequest, {
      cursor: this.last,
      name: name ?? "",
      alias: alias ?? "",
      tag: tag ?? "",
      includeUnnamed: includeUnnamed ?? false,
      kinds: kinds.map((kind) => KINDS[kind]),
    });
    const patience = { first: this.connection.config.unaryDeadline, next: QUIET_SECONDS };
    return receive(this.connection, ArtifactServiceService.watchArtifacts, request, patience, this.signal);
  }
}

/** @throws InvalidFieldError an alias that says nothing, which would be all of them, or a kind that is none. */
function refuseUnknown({ alias, kinds = [] }: WatchFilter): void {
  const told = { code: status.INVALID_ARGUMENT, reason: "INVALID_FIELD" };
  if (alias === "" || alias === null) {
    throw new InvalidFieldError("the alias to watch is empty; name one, or leave it out for all of them", told);
  }
  const unknown = [...kinds].find((kind) => !Object.hasOwn(KINDS, kind));
  if (unknown === undefined) return;
  const known = Object.keys(KINDS).join(", ");
  throw new InvalidFieldError(`"${String(unknown)}" is no kind of event to watch; write some of ${known}`, told);
}
