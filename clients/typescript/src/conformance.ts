/**
 * What the matrix and fault tests of all languages run: each command of the client as a program.
 *
 *     node dist/conformance.js save|load|upload|download|watch|alias|list|vectors …
 *
 * ARGOSY_SERVER and ARGOSY_PROJECT come from the environment. Results are lines of JSON on stdout; an error of
 * Argosy is one too, with exit code 3.
 */
import { createWriteStream } from "node:fs";
import { cp, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parseArgs } from "node:util";

import { codecOf } from "./codecs/formats.js";
import { runVectors } from "./conformance/vectors.js";
import { ArgosyClient, ArgosyError, type ArtifactVersion, directory, file } from "./index.js";

const PROGRESS_BYTES = 8 << 20;
const REFUSED = 3;
/** The one file of each format whose values have one. */
const FILES: Readonly<Record<string, string>> = {
  json: "data.json",
  text: "data.txt",
  bytes: "data.bin",
  npy: "data.npy",
  parquet: "data.parquet",
};
/** A whole float that comes from Python has to go back as one. */
const EXACT = { exactNumbers: true };

type Command = (client: ArgosyClient, words: string[], options: Options) => AsyncGenerator<object>;
interface Options {
  alias?: string | undefined;
  version?: string | undefined;
  name?: string | undefined;
  cursor?: string | undefined;
}

const stop = new AbortController();
const { signal } = stop;
process.once("SIGINT", () => stop.abort(new Error("interrupted")));

function selectionOf({ alias, version }: Options) {
  return { ...(alias === undefined ? {} : { alias }), ...(version === undefined ? {} : { version }), signal };
}

function told({ version, id, contentDigest }: ArtifactVersion): object {
  return { version, id, digest: contentDigest };
}

/** Decodes the value of a file, so that what is saved has passed through a value of this language. */
async function valueOf(format: string, path: string): Promise<unknown> {
  if (format === "file") return file(path);
  if (format === "directory") return directory(path);
  const codec = codecOf(format, path, EXACT);
  return codec.decode(new Map([[FILES[format] ?? "", await readFile(path)]]));
}

async function writeValue(format: string, value: unknown, path: string): Promise<void> {
  const files = await codecOf(format, path, EXACT).encode(value);
  const content = files.find((candidate) => candidate.path === FILES[format])?.content;
  if (content === undefined || files.length !== 1) throw new Error(`a value of format ${format} is not one file`);
  await pipeline(content.read(0, 1 << 20), createWriteStream(path));
}

const COMMANDS: Readonly<Record<string, Command>> = {
  async *save(client, [name = "", format = "", path = ""], { alias, version }) {
    const value = await valueOf(format, path);
    const labels = { ...(version === undefined ? {} : { version }), aliases: alias === undefined ? [] : [alias] };
    yield told(await client.save(name, value, { ...labels, format, signal }));
  },

  async *load(client, [name = "", target = ""], options) {
    const selection = selectionOf(options);
    const { version, id, format } = await client.get(name, selection);
    if (format === "directory") {
      await client.download(name, target, selection);
    } else if (format === "file") {
      const folder = `${target}.argosy`;
      await client.download(name, folder, selection);
      await cp(join(folder, (await readdir(folder))[0] ?? ""), target);
      await rm(folder, { recursive: true });
    } else {
      const { value } = await client.load(name, { ...selection, ...EXACT });
      await writeValue(format, value, target);
    }
    yield { version, id, format };
  },

  async *upload(client, [name = "", path = ""]) {
    const progressed = progressOf();
    yield used(await client.save(name, file(path), { format: "bytes", signal, progressed }));
  },

  async *download(client, [name = "", path = ""]) {
    const progressed = progressOf();
    const version = await client.get(name, { signal });
    const stream = await client.open(name, { version: version.version, signal });
    const part = `${path}.part`;
    try {
      stream.on("data", (piece: Buffer) => progressed(piece.byteLength));
      stream.pause();
      await pipeline(stream, createWriteStream(part));
      await rename(part, path);
    } finally {
      await rm(part, { force: true });
    }
    yield used(version);
  },

  async *watch(client, [name = "", count = "1"], { cursor }) {
    const watch = await client.watch({ name, signal, ...(cursor === undefined ? {} : { cursor }) });
    let left = Number(count);
    for await (const event of watch) {
      yield { kind: event.kind, version: event.version, alias: event.alias, cursor: event.cursor };
      left -= 1;
      if (left === 0) return;
    }
  },

  async *alias(client, [name = "", version = "", alias = ""]) {
    const moved = await client.setAlias(name, version, alias, signal);
    yield { version: moved.version, id: moved.id };
  },

  async *list(client, _, { name }) {
    const names: string[] = [];
    if (name === undefined) {
      for await (const artifact of client.list({ signal })) names.push(artifact.name);
      yield { names };
    } else {
      for await (const { version } of client.versions(name, { signal })) names.push(version);
      yield { versions: names };
    }
  },

  async *vectors(_, [folder = ""]) {
    yield { passed: await runVectors(folder) };
  },
};

/** Returns a function that tells on stderr how far a transfer is, now and then. */
function progressOf(): (bytes: number) => void {
  let done = 0;
  let toldAt = 0;
  return (bytes) => {
    done += bytes;
    if (done - toldAt < PROGRESS_BYTES) return;
    toldAt = done;
    process.stderr.write(`${JSON.stringify({ progress: done })}\n`);
  };
}

/** By the record, which the client held the bytes against: hashing them again would count as its work. */
function used({ files: [only] }: ArtifactVersion): object {
  return { size: Number(only?.sizeBytes), digest: only?.digest, max_rss_bytes: process.resourceUsage().maxRSS * 1024 };
}

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const options = { alias: text, version: text, name: text, cursor: text };
  const { positionals, values } = parseArgs({ options, allowPositionals: true });
  const [name = "", ...words] = positionals;
  const command = COMMANDS[name];
  if (command === undefined) throw new Error(`no command "${name}"; there are ${Object.keys(COMMANDS).join(", ")}`);
  const client = new ArgosyClient();
  try {
    for await (const line of command(client, words, values)) process.stdout.write(`${JSON.stringify(line)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ArgosyError)) throw error;
    process.stdout.write(`${JSON.stringify({ error: error.reason || error.code || error.name, message: error.message })}\n`);
    return REFUSED;
  } finally {
    client.close();
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  },
);
