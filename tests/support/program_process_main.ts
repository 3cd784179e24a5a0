/**
 * A program that starts itself again, as `demo` does, for tests of how it does it. As a parent it
 * does what its one argument names, and prints what came of it as JSON.
 *
 * @module
 */
import process from "node:process";
import { ProgramProcess, type ProgramProcessOptions } from "../../cli/program_process.ts";

const encoder = new TextEncoder();

/** What the started program does. */
const CHILDREN: Readonly<Record<string, () => void | Promise<void>>> = {
  /** Prints what it is given, whole and in pieces, on both outputs. */
  echo: async () => {
    for await (const chunk of Deno.stdin.readable) await Deno.stdout.write(chunk);
    const text = encoder.encode("né\nlast");
    for (let i = 0; i < text.length; i++) {
      await Deno.stdout.write(text.subarray(i, i + 1));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    console.error("one\ntwo");
  },
  fail: () => {
    console.error("x".repeat(10_000));
    console.error("error: what failed");
    Deno.exit(3);
  },
  waits: async () => {
    const forced = setInterval(() => {}, 1000);
    const asked = new Promise<void>((resolve) => process.on("SIGTERM", () => resolve()));
    console.error("ready");
    await asked;
    clearInterval(forced);
  },
  facts: () => {
    console.log(JSON.stringify({ cwd: Deno.cwd(), home: Deno.env.get("HOME") ?? null }));
  },
};

/** A process and what it printed. */
class Started {
  readonly data: string[] = [];
  readonly notes: string[] = [];
  readonly process: ProgramProcess;
  readonly #ready = Promise.withResolvers<void>();

  constructor(name: string, options: Partial<ProgramProcessOptions> = {}) {
    this.process = new ProgramProcess([name], {
      cwd: Deno.cwd(),
      onData: (line) => this.data.push(line),
      onNote: (line) => {
        this.notes.push(line);
        if (line === "ready") this.#ready.resolve();
      },
      ...options,
    });
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }
}

/** What the parent does. */
const PARENTS: Readonly<Record<string, () => Promise<unknown>>> = {
  "a conversation": async () => {
    const { process, data, notes } = new Started("echo");
    await process.write(["first", "second"]);
    await process.write(["third"]);
    await process.endInput();
    return { code: await process.ended(), data, notes };
  },
  "a failure": async () => {
    const { process } = new Started("fail");
    try {
      await process.succeeded();
      return "it succeeded";
    } catch (error) {
      const { name, message } = error as Error;
      return { name, start: message.slice(0, 40), end: message.slice(-40), length: message.length };
    }
  },
  "an orderly end": async () => {
    const started = new Started("waits");
    await started.ready;
    started.process.stop();
    await started.process.succeeded();
    return await started.process.ended();
  },
  "a kill": async () => {
    const started = new Started("waits");
    await started.ready;
    started.process.kill();
    return await started.process.ended();
  },
  "what comes after the end": async () => {
    const { process } = new Started("facts");
    const codes = [await process.ended()];
    process.kill();
    process.stop();
    const write = await process.write(["late"]).then(() => "taken", () => "refused");
    codes.push(await process.ended());
    return { codes, write };
  },
  "its surroundings": async () => {
    const folder = await Deno.realPath(await Deno.makeTempDir());
    const { process, data } = new Started("facts", { cwd: folder });
    await process.succeeded();
    await Deno.remove(folder);
    return { folder, facts: JSON.parse(data.join("")) };
  },
};

if (import.meta.main) {
  const [name = ""] = Deno.args;
  if (Object.hasOwn(CHILDREN, name)) await CHILDREN[name]!();
  else console.log(JSON.stringify(await PARENTS[name]!()));
}
