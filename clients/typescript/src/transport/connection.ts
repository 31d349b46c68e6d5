/** Calls to one or several servers of a store. */
import { randomUUID } from "node:crypto";

import {
  Client,
  ChannelCredentials,
  type ClientOptions as ChannelOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  Metadata,
  status,
} from "@grpc/grpc-js";

import type { Config } from "../config.js";
import { type ArgosyError, ClientClosedError, ProtocolRevisionError, refusal, ServiceError } from "../errors.js";
import {
  BlobServiceService,
  GetCapabilitiesRequest,
  type GetCapabilitiesResponse,
} from "../gen/argosy/v1/blob_service.js";
import { Backoff, worthRetrying } from "./backoff.js";
import { toArgosyError } from "./status.js";
import { refuseIllFormed } from "./well_formed.js";

/** The revision of the protocol this client speaks. */
const PROTOCOL_REVISION = 1;

/** One RPC, as the generated service definitions describe it. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (value: Buffer) => Response;
}

/** What makes requests of a type out of some of their fields. */
export interface RequestType<Request> {
  fromPartial(fields: Partial<Request>): Request;
}

export interface CallSettings {
  signal?: AbortSignal | undefined;
  /** Whether it is tried again here; false where the caller has a loop of its own. */
  retry?: boolean;
  /** Seconds for all of it, attempts and pauses included; the configured unary deadline when left out. */
  deadline?: number;
}

/** What a stream that is open is asked for. */
export interface OpenStream<Stream> {
  readonly call: Stream;
  /** The error of this client for what the stream ended with. */
  toError(error: unknown): unknown;
}

interface Call extends NodeJS.EventEmitter {
  cancel(): void;
}

interface Peer {
  readonly server: string;
  readonly client: Client;
  capabilities: Promise<GetCapabilitiesResponse> | undefined;
  /** When it may be asked again while others are well; it could not be reached before. */
  restsUntil: number;
}

/** How many bytes of a stream may come before they are read. */
const WINDOW_BYTES = 1 << 20;

/** How long a server that could not be reached is passed over, where there are others. */
const REST_MS = 2_000;

/** The connections of one client. Calls take the servers in turn, and go to the next one when one fails. */
export class Connection {
  private readonly peers: readonly Peer[];
  private turn = 0;
  /** Whether any server has ever answered; before, a wrong address is told after the connect timeout. */
  private hasMet = false;
  private isClosed = false;
  /** Calls under way, which closing their channels would not end. */
  private readonly calls = new Set<Call>();

  constructor(readonly config: Config) {
    const credentials =
      config.credentials ?? (config.secure ? ChannelCredentials.createSsl() : ChannelCredentials.createInsecure());
    this.peers = config.servers.map((server) => ({
      server,
      client: new Client(server, credentials, channelOptions(config)),
      capabilities: undefined,
      restsUntil: 0,
    }));
  }

  get project(): string {
    return this.config.project;
  }

  close(): void {
    this.isClosed = true;
    for (const call of this.calls) call.cancel();
    for (const { client } of this.peers) client.close();
  }

  private refuseClosed(): void {
    if (this.isClosed) throw closedError();
  }

  /** Remembers a call until it has ended. */
  private track<Kind extends Call>(call: Kind): Kind {
    this.calls.add(call);
    call.once("status", () => this.calls.delete(call));
    return call;
  }

  /** The error of this client for what a call ended with. */
  private translated(peer: Peer, path: string, error: unknown): unknown {
    return this.isClosed ? closedError() : toArgosyError(error, nameOf(path), peer.server);
  }

  /** What the first server that answers tells about itself. */
  async capabilities(signal?: AbortSignal): Promise<GetCapabilitiesResponse> {
    return this.withRetries({ signal }, (peer) => this.introduce(peer, signal));
  }

  /**
   * Makes a call with one request and one answer. A mutation is safe to repeat: its request_id stays the same.
   *
   * @throws ServiceError it was refused, or no server answered in time.
   */
  async unary<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): Promise<Response> {
    refuseIllFormed(request, "the request");
    return this.withRetries(settings, async (peer, deadline) => {
      await this.introduce(peer, settings.signal);
      this.refuseClosed();
      return this.callOnce(peer, method, request, deadline, settings.signal);
    });
  }

  /** As unary, with a request made of `fields`: about this project, and with an id of its own if it changes anything. */
  async ask<Request extends { project: string }, Response>(
    method: Method<Request, Response>,
    type: RequestType<Request>,
    fields: Partial<Request>,
    settings?: CallSettings,
  ): Promise<Response> {
    return this.unary(method, this.request(type, fields), settings);
  }

  /** Makes such a request. */
  request<Request extends { project: string }>(type: RequestType<Request>, fields: Partial<Request>): Request {
    return type.fromPartial({ requestId: randomUUID(), project: this.project, ...fields });
  }

  /** Opens a server stream; whoever reads it has to cancel the call when it stops early. */
  async serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<OpenStream<ClientReadableStream<Response>>> {
    const peer = await this.nextPeer(signal);
    const { path, requestSerialize, responseDeserialize } = method;
    refuseIllFormed(request, "the request");
    const call = this.track(
      peer.client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, this.metadata(), {}),
    );
    return { call, toError: (error) => noted(peer, this.translated(peer, path, error)) };
  }

  /** Opens a client stream; `answered` is called once, with the answer or the error. */
  async clientStream<Request, Response>(
    method: Method<Request, Response>,
    answered: (error: unknown, response?: Response) => void,
    signal?: AbortSignal,
  ): Promise<OpenStream<ClientWritableStream<Request>>> {
    const peer = await this.nextPeer(signal);
    const { path, requestSerialize, responseDeserialize } = method;
    const toError = (error: unknown) => noted(peer, this.translated(peer, path, error));
    const call = this.track(
      peer.client.makeClientStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        this.metadata(),
        {},
        (error, response) => (error ? answered(toError(error)) : answered(undefined, response)),
      ),
    );
    return { call, toError };
  }

  private async withRetries<T>(
    { signal, retry = true, deadline = this.config.unaryDeadline }: CallSettings,
    attempt: (peer: Peer, deadline: number) => Promise<T>,
  ): Promise<T> {
    const end = Date.now() + deadline * 1000;
    const patience = this.config.connectTimeout * this.peers.length;
    const firstContact = Date.now() + patience * 1000;
    const backoff = new Backoff();
    for (;;) {
      signal?.throwIfAborted();
      this.refuseClosed();
      const peer = this.choose();
      try {
        return await attempt(peer, end);
      } catch (error) {
        signal?.throwIfAborted();
        this.refuseClosed();
        noted(peer, error);
        // A call that used its deadline up has none left to try again in.
        const last = this.hasMet ? end : Math.min(end, firstContact);
        if (!retry || !worthRetrying(error)) throw error;
        if (this.hasMet) {
          if (Date.now() >= last) throw error;
          await backoff.pause(error, signal);
        } else {
          if (Date.now() >= last) throw this.unreachable(error, patience);
          await backoff.pause(error, signal, last - Date.now());
        }
      }
    }
  }

  /** @param seconds how long was tried to reach any server. */
  private unreachable(error: ArgosyError, seconds: number): ArgosyError {
    if (error.reason !== "") return error;
    const servers = this.peers.map(({ server }) => server).join(",");
    return refusal(
      `no Argosy server answered at ${servers} within ${seconds} s; start one with \`argosy-server serve\`, ` +
        `or correct ARGOSY_SERVER (${error.message})`,
      { code: status.UNAVAILABLE },
    );
  }

  private async nextPeer(signal?: AbortSignal): Promise<Peer> {
    this.refuseClosed();
    const peer = this.choose();
    try {
      await this.introduce(peer, signal);
    } catch (error) {
      this.refuseClosed();
      throw noted(peer, error);
    }
    this.refuseClosed();
    return peer;
  }

  /** The next server in turn that could be reached last time; the next one when none could. */
  private choose(): Peer {
    const now = Date.now();
    const inTurn = this.peers.map((_, index) => this.peers[(this.turn + index) % this.peers.length] as Peer);
    const chosen = inTurn.find(({ restsUntil }) => restsUntil <= now) ?? (inTurn[0] as Peer);
    this.turn = this.peers.indexOf(chosen) + 1;
    return chosen;
  }

  /** Asks a server once for its limits, and makes sure that it speaks this revision. */
  private async introduce(peer: Peer, signal?: AbortSignal): Promise<GetCapabilitiesResponse> {
    // The question is shared by all calls that wait for it, so the signal of one of them must not end it.
    const asked = (peer.capabilities ??= this.meet(peer).catch((error: unknown) => {
      peer.capabilities = undefined;
      throw error;
    }));
    return untilAborted(asked, signal);
  }

  private async meet(peer: Peer): Promise<GetCapabilitiesResponse> {
    const request = this.request(GetCapabilitiesRequest, {});
    const end = Date.now() + this.config.connectTimeout * 1000;
    const told = await this.callOnce(peer, BlobServiceService.getCapabilities, request, end, undefined);
    this.hasMet = true;
    const { oldestProtocolRevision: oldest, protocolRevision: newest } = told;
    if (PROTOCOL_REVISION < oldest || PROTOCOL_REVISION > newest) {
      const cure = PROTOCOL_REVISION < oldest ? "update this client" : "update the server, or use an older client";
      throw new ProtocolRevisionError(
        `the Argosy server at ${peer.server} (version ${told.serverVersion}) speaks revisions ${oldest} to ${newest} ` +
          `of the protocol, this client speaks ${PROTOCOL_REVISION}; ${cure}`,
      );
    }
    return told;
  }

  private callOnce<Request, Response>(
    peer: Peer,
    { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
    request: Request,
    deadline: number,
    signal: AbortSignal | undefined,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      const call = this.track(
        peer.client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          this.metadata(),
          { deadline },
          (error, response) => {
            signal?.removeEventListener("abort", cancel);
            if (error === null && response !== undefined) resolve(response);
            else reject(signal?.aborted ? signal.reason : this.translated(peer, path, error));
          },
        ),
      );
      const cancel = () => call.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  private metadata(): Metadata {
    const metadata = new Metadata();
    if (this.config.token !== "") metadata.set("authorization", `Bearer ${this.config.token}`);
    return metadata;
  }
}

function closedError(): ClientClosedError {
  return new ClientClosedError("the client was closed; make another one");
}

/** What an answer always has. */
export function answered<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the server answered without what was asked for");
  return value;
}

/** Lets a server rest that could not be reached, or is about to stop, and returns the error. */
function noted(peer: Peer, error: unknown): unknown {
  const isAway = error instanceof ServiceError && (error.code === "UNAVAILABLE" || error.code === "DEADLINE_EXCEEDED");
  if (isAway) peer.restsUntil = Date.now() + REST_MS;
  return error;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function channelOptions({ idleTimeout }: Config): ChannelOptions {
  const seconds = Math.min(idleTimeout / 2, 30);
  return {
    // With the 64 KiB of HTTP/2 a reader waits for each of them.
    "grpc-node.flow_control_window": WINDOW_BYTES,
    // A retry of the channel itself would keep copies of what streams send; the loops here know more.
    "grpc.enable_retries": 0,
    // A restarted server is ready within seconds.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 1000,
    // A dead connection is found before the transfers on it are given up.
    "grpc.keepalive_time_ms": Math.max(1000, seconds * 1000),
    "grpc.keepalive_timeout_ms": Math.min(seconds, 20) * 1000,
    // Servers behind a name with several addresses take turns.
    "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  };
}

/** Waits for what others wait for too; the signal ends this waiting alone. */
async function untilAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let abort!: () => void;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
