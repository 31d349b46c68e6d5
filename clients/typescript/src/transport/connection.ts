/** Calls to one or several servers of a store. */
import {
  Client,
  ChannelCredentials,
  type ClientOptions as ChannelOptions,
  type ClientReadableStream,
  type ClientWritableStream,
  Metadata,
} from "@grpc/grpc-js";

import type { Config } from "../config.js";
import { ProtocolRevisionError, ServiceError } from "../errors.js";
import {
  BlobServiceService,
  GetCapabilitiesRequest,
  type GetCapabilitiesResponse,
} from "../gen/argosy/v1/blob_service.js";
import { Backoff, worthRetrying } from "./backoff.js";
import { toArgosyError } from "./status.js";

/** The revision of the protocol this client speaks. */
export const PROTOCOL_REVISION = 1;

/** One RPC, as the generated service definitions describe it. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly requestSerialize: (value: Request) => Buffer;
  readonly responseDeserialize: (value: Buffer) => Response;
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

interface Peer {
  readonly server: string;
  readonly client: Client;
  capabilities: Promise<GetCapabilitiesResponse> | undefined;
  /** When it may be asked again while others are well; it could not be reached before. */
  restsUntil: number;
}

/** How long a server that could not be reached is passed over, where there are others. */
const REST_MS = 2_000;

/** The connections of one client. Calls take the servers in turn, and go to the next one when one fails. */
export class Connection {
  private readonly peers: readonly Peer[];
  private turn = 0;
  /** Whether any server has ever answered; before, a wrong address is told after the connect timeout. */
  private hasMet = false;

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
    for (const { client } of this.peers) client.close();
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
    return this.withRetries(settings, async (peer, deadline) => {
      await this.introduce(peer, settings.signal);
      return this.callOnce(peer, method, request, deadline, settings.signal);
    });
  }

  /** Opens a server stream; whoever reads it has to cancel the call when it stops early. */
  async serverStream<Request, Response>(
    method: Method<Request, Response>,
    request: Request,
    signal?: AbortSignal,
  ): Promise<OpenStream<ClientReadableStream<Response>>> {
    const peer = await this.nextPeer(signal);
    const { path, requestSerialize, responseDeserialize } = method;
    const call = peer.client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      this.metadata(),
      {},
    );
    return { call, toError: (error) => noted(peer, toArgosyError(error, nameOf(path), peer.server)) };
  }

  /** Opens a client stream; `answered` is called once, with the answer or the error. */
  async clientStream<Request, Response>(
    method: Method<Request, Response>,
    answered: (error: unknown, response?: Response) => void,
    signal?: AbortSignal,
  ): Promise<OpenStream<ClientWritableStream<Request>>> {
    const peer = await this.nextPeer(signal);
    const { path, requestSerialize, responseDeserialize } = method;
    const toError = (error: unknown) => noted(peer, toArgosyError(error, nameOf(path), peer.server));
    const call = peer.client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      this.metadata(),
      {},
      (error, response) => (error ? answered(toError(error)) : answered(undefined, response)),
    );
    return { call, toError };
  }

  private async withRetries<T>(
    { signal, retry = true, deadline = this.config.unaryDeadline }: CallSettings,
    attempt: (peer: Peer, deadline: number) => Promise<T>,
  ): Promise<T> {
    const end = Date.now() + deadline * 1000;
    const firstContact = Date.now() + this.config.connectTimeout * this.peers.length * 1000;
    const backoff = new Backoff();
    for (;;) {
      signal?.throwIfAborted();
      const peer = this.choose();
      try {
        return await attempt(peer, end);
      } catch (error) {
        signal?.throwIfAborted();
        noted(peer, error);
        // A call that used its deadline up has none left to try again in.
        const patience = this.hasMet ? end : Math.min(end, firstContact);
        if (!retry || !worthRetrying(error) || Date.now() >= patience) throw error;
        await backoff.pause(error, signal);
      }
    }
  }

  private async nextPeer(signal?: AbortSignal): Promise<Peer> {
    const peer = this.choose();
    try {
      await this.introduce(peer, signal);
    } catch (error) {
      throw noted(peer, error);
    }
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
    const asked = (peer.capabilities ??= this.ask(peer).catch((error: unknown) => {
      peer.capabilities = undefined;
      throw error;
    }));
    return untilAborted(asked, signal);
  }

  private async ask(peer: Peer): Promise<GetCapabilitiesResponse> {
    const request = GetCapabilitiesRequest.fromPartial({ project: this.project });
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
      const call = peer.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.metadata(),
        { deadline },
        (error, response) => {
          signal?.removeEventListener("abort", cancel);
          if (error === null && response !== undefined) resolve(response);
          else reject(signal?.aborted ? signal.reason : toArgosyError(error, nameOf(path), peer.server));
        },
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
