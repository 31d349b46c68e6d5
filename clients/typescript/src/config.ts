/** The settings of the client, and the only place of it that reads the environment. */
import type { ChannelCredentials } from "@grpc/grpc-js";

import { ConfigurationError } from "./errors.js";

/** What the client may be told; what is left out comes from the environment, then from a default. */
export interface ClientOptions {
  /**
   * `grpc://host:port`, or `grpcs://host:port` for TLS; several servers of one store as
   * `grpc://a:1,b:2`. `ARGOSY_SERVER`.
   */
  server?: string;
  /** The namespace to work in. `ARGOSY_PROJECT`, else `default`. */
  project?: string;
  /** Sent as `authorization: Bearer …` with each call, for a proxy; needs `grpcs://`. `ARGOSY_TOKEN`. */
  token?: string;
  /** Credentials of the channel instead of those the scheme of `server` asks for, as for a private authority. */
  credentials?: ChannelCredentials;
  /** Seconds to wait for the first answer of a server. `ARGOSY_CONNECT_TIMEOUT`, else 4. */
  connectTimeout?: number;
  /** Seconds a simple call may take. `ARGOSY_UNARY_DEADLINE`, else 30. */
  unaryDeadline?: number;
  /** Seconds a transfer may stand still before it is given up. `ARGOSY_IDLE_TIMEOUT`, else 60. */
  idleTimeout?: number;
}

/** Settings that hold. */
export interface Config {
  /** `host:port` of each server. */
  readonly servers: readonly string[];
  readonly secure: boolean;
  readonly project: string;
  readonly token: string;
  readonly credentials: ChannelCredentials | undefined;
  readonly connectTimeout: number;
  readonly unaryDeadline: number;
  readonly idleTimeout: number;
}

type Environment = Readonly<Record<string, string | undefined>>;
/** The longest a timer takes; one of more milliseconds goes off at once. */
const LONGEST_SECONDS = Math.floor((2 ** 31 - 1) / 1000);
const FORMS = "write grpc://host:port, grpcs://host:port or grpc://host:port,host:port";

/**
 * Finds the settings that hold: `options`, then the environment, then the defaults.
 *
 * @throws ConfigurationError a value is malformed; the message tells where it comes from.
 */
export function resolveConfig(options: ClientOptions = {}, environment: Environment = process.env): Config {
  const find = <T>(key: keyof ClientOptions, variable: string, fallback: T): { value: unknown; from: string } => {
    if (options[key] !== undefined) return { value: options[key], from: `option ${key}` };
    const text = environment[variable]?.trim();
    return { value: text ? text : fallback, from: `environment variable ${variable}` };
  };
  const server = find("server", "ARGOSY_SERVER", "");
  if (server.value === "") {
    throw new ConfigurationError(`no server is named; set ARGOSY_SERVER or the option server: ${FORMS}`);
  }
  const { servers, secure } = parseServers(String(server.value), server.from);
  const token = String(find("token", "ARGOSY_TOKEN", "").value);
  if (token !== "" && !secure) {
    throw new ConfigurationError(`a token would travel in plain text to ${String(server.value)}; use grpcs://`);
  }
  return {
    servers,
    secure,
    project: projectOf(find("project", "ARGOSY_PROJECT", "default")),
    token,
    credentials: options.credentials,
    connectTimeout: seconds(find("connectTimeout", "ARGOSY_CONNECT_TIMEOUT", 4)),
    unaryDeadline: seconds(find("unaryDeadline", "ARGOSY_UNARY_DEADLINE", 30)),
    idleTimeout: seconds(find("idleTimeout", "ARGOSY_IDLE_TIMEOUT", 60)),
  };
}

function parseServers(text: string, from: string): { servers: string[]; secure: boolean } {
  const refuse = (rule: string) => new ConfigurationError(`${from} is "${text}"; ${rule}`);
  const [scheme, rest] = splitOnce(text.trim(), "://");
  if (rest === undefined || !/^grpcs?$/i.test(scheme)) {
    const isLocal = /^(embedded|unix)$/i.test(scheme);
    throw refuse(isLocal ? `this client opens no ${scheme}://; start a server and ${FORMS}` : FORMS);
  }
  const servers: string[] = [];
  for (const entry of rest.split(",").map((part) => part.trim())) {
    const [own, behind] = splitOnce(entry, "://");
    if (behind !== undefined && own.toLowerCase() !== scheme.toLowerCase()) {
      throw refuse(`all servers of a list are reached alike, here they have ${scheme}:// and ${own}://`);
    }
    const host = (behind ?? entry).replace(/\/$/, "");
    const port = /^(?:\[[0-9A-Fa-f:.%]+\]|[^\s:/?#@[\]]+):(\d{1,5})$/.exec(host)?.[1];
    if (port === undefined || Number(port) < 1 || Number(port) > 65535) {
      throw refuse(`its entry "${entry}" is not host:port; ${FORMS}`);
    }
    if (servers.includes(host)) throw refuse(`it names ${host} twice; name each server once`);
    servers.push(host);
  }
  return { servers, secure: scheme.toLowerCase() === "grpcs" };
}

function splitOnce(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}

function projectOf({ value, from }: { value: unknown; from: string }): string {
  if (typeof value !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value)) {
    throw new ConfigurationError(
      `${from} is "${String(value)}"; a project is 1 to 64 letters, digits, ".", "_" or "-", ` +
        "and begins with a letter or digit; rename it",
    );
  }
  return value;
}

function seconds({ value, from }: { value: unknown; from: string }): number {
  const number = typeof value === "string" ? Number(value) : value;
  if (typeof number !== "number" || !(number > 0) || !Number.isFinite(number)) {
    throw new ConfigurationError(`${from} is "${String(value)}"; write a number of seconds above 0`);
  }
  return Math.min(number, LONGEST_SECONDS);
}
