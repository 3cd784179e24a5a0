/**
 * Knocks at a broker's port with what is no client: noise, text, HTTP, and TLS handshakes that begin as
 * real ones do and go wrong. Certified clients are served meanwhile, and afterwards nothing is left.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect as connectTls } from "node:tls";
import { measure, MEMORY_CLIENTS } from "../support/memory_load.ts";
import { type Program, residentBytes } from "../support/processes.ts";
import { Workspace } from "../support/workspace.ts";
import { concat } from "./bytes.ts";
import { COMMANDS, utf8 } from "./corpus.ts";
import { mutate } from "./mutator.ts";
import { Random, streamOf } from "./random.ts";

/** How long a handshake may take at this broker, in milliseconds. */
export const HANDSHAKE_MS = 500;
/** How much longer a busy machine may need to close a connection. */
const GRACE_MS = 8_000;
const AT_ONCE = 64;

/** What came of all connections. */
export interface Knocked {
  /** Connections by what was sent. */
  readonly kinds: ReadonlyMap<string, number>;
  /** How often the certified client was served meanwhile. */
  readonly served: number;
  /** The longest that a connection stayed open, in milliseconds. */
  readonly longestMs: number;
  /** Open files of the broker before and after; the same where the system does not tell. */
  readonly files: readonly [before: number, after: number];
  /** Resident memory of the broker after the first connections and after all of them, in bytes. */
  readonly memory: readonly [before: number, after: number];
}

/** The bytes with which a real client begins. */
async function clientHello(): Promise<Uint8Array> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  const socket = connectTls({ host: "127.0.0.1", port, servername: "localhost" });
  socket.on("error", () => {});
  using connection = await listener.accept();
  const buffer = new Uint8Array(16_384);
  const length = await connection.read(buffer);
  socket.destroy();
  return buffer.slice(0, length ?? 0);
}

const HTTP = [
  "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "POST /publish HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n{",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "CONNECT localhost:5672 HTTP/1.0\r\n\r\n",
];

type Kind = "noise" | "text" | "http" | "hello" | "hello, then noise" | "silence";
const KINDS: readonly Kind[] = [
  ...["noise", "text", "http", "hello", "hello", "hello", "hello, then noise", "silence"] as const,
];

/** What one connection sends, in the pieces that it is sent in. */
function sent(kind: Kind, random: Random, hello: Uint8Array): Uint8Array[] {
  const material = (samples: Uint8Array[]) => ({
    samples,
    words: ["\x16\x03\x01"],
    maxBytes: 9_000,
  });
  switch (kind) {
    case "noise":
      return [random.bytes(random.between(1, 2_000))];
    case "text":
      return random.cut(utf8(COMMANDS.map(() => `${random.pick(COMMANDS)}\n`).join("")));
    case "http":
      return [mutate(random, material(HTTP.map(utf8)))];
    case "hello":
      return random.cut(mutate(random, material([hello])));
    case "hello, then noise":
      return [hello, concat([Uint8Array.of(0x16, 3, 3, 0, 64), random.bytes(64)])];
    case "silence":
      return [];
  }
}

/** Sends all that, reads what comes, and gives how long it took the broker to end it. */
async function knock(
  port: number,
  pieces: readonly Uint8Array[],
  leaves: boolean,
): Promise<number> {
  const startMs = performance.now();
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    connection.close();
  }, HANDSHAKE_MS + GRACE_MS);
  try {
    for (const piece of pieces) await connection.write(piece);
    const buffer = new Uint8Array(4_096);
    while (!leaves && await connection.read(buffer) !== null);
  } catch {
    // Reset in the middle of what was being sent, or not in time.
  } finally {
    clearTimeout(timer);
    if (!late) connection.close();
  }
  assert(!late, `a handshake was open after ${HANDSHAKE_MS + GRACE_MS} ms`);
  return performance.now() - startMs;
}

/** Open files of a process, where the system tells. */
function openFiles(pid: number): number {
  return Deno.build.os === "linux" ? [...Deno.readDirSync(`/proc/${pid}/fd`)].length : 0;
}

/** Open files of the broker once it has closed what it still had to: unchanged for a handshake's time. */
async function settled(broker: Program): Promise<number> {
  let files = openFiles(broker.pid);
  for (let same = 0; same < 12; same++) {
    await new Promise((resolve) => setTimeout(resolve, HANDSHAKE_MS / 10));
    const now = openFiles(broker.pid);
    if (now !== files) same = 0;
    files = now;
  }
  return files;
}

/** Makes so many connections to a real broker, some at a time. */
export async function knockAll(seed: number, count: number): Promise<Knocked> {
  await using workspace = await Workspace.make({
    clients: MEMORY_CLIENTS,
    configuration: `[limits]\nhandshake_timeout_ms = ${HANDSHAKE_MS}\n[log]\nlevel = "warning"\n`,
  });
  // With little room for garbage, what is left over shows, and much of it ends the broker.
  const broker = workspace.run(["serve"], { env: { DENO_V8_FLAGS: "--max-old-space-size=64" } });
  await until(workspace.port);
  const hello = await clientHello();
  const kinds = new Map<string, number>();
  const spent: number[] = [];
  let next = 0;
  const knocking = async (end: number) => {
    while (next < end) {
      const random = new Random(seed, streamOf("port"), next++);
      const kind = random.pick(KINDS);
      kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      const pieces = sent(kind, random, hello);
      spent.push(await knock(workspace.port, pieces, random.oneIn(4)));
    }
  };
  const all = (end: number) => Promise.all(Array.from({ length: AT_ONCE }, () => knocking(end)));
  // The first connections make the broker load and compile what every handshake needs.
  await all(Math.min(count, 100));
  const files = await settled(broker);
  const memory = residentBytes(broker.pid) ?? 0;
  const { served } = await measure(workspace, broker.pid, () => all(count).then(() => {}));
  const witness = await workspace.connect("witness");
  const clients = /"connected_clients":(\d+)/.exec(await witness.ask("stats") ?? "")?.[1];
  // This one, and the one that was served meanwhile.
  assert.equal(clients, "2");
  const after = await settled(broker) - 2;
  return {
    kinds,
    served,
    longestMs: Math.max(...spent),
    files: [files, after],
    memory: [memory, residentBytes(broker.pid) ?? 0],
  };
}

/** Waits until somebody listens. */
async function until(port: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error("the broker does not listen");
}
