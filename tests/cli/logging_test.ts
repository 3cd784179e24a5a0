/**
 * The log: what is written, and how much of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { configureLogging, disposeLogging } from "../../cli/logging.ts";
import { Terminal, type Verbosity } from "../../cli/terminal.ts";
import { logger } from "../../lib/base/log.ts";

class Lines extends Terminal {
  readonly lines: string[] = [];
  override log(line: string): void {
    this.lines.push(line);
  }
}

async function logAll(verbosity: Verbosity, ...level: ["warning"] | []): Promise<string[]> {
  const terminal = new Lines();
  terminal.verbosity = verbosity;
  configureLogging(terminal, ...level);
  const log = logger("server");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  await disposeLogging();
  return terminal.lines.map((line) => JSON.parse(line).message);
}

Deno.test("each event is one line of JSON with its time, level, area, text and properties", async () => {
  const terminal = new Lines();
  configureLogging(terminal);
  logger("server").info("connection opened", { identity: "a\nb", connection: 7 });
  await disposeLogging();
  const [line = "", ...rest] = terminal.lines;
  assert.deepEqual(rest, []);
  assert(!line.includes("\n"));
  const { "@timestamp": time, ...event } = JSON.parse(line);
  assert(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assert.deepEqual(event, {
    level: "INFO",
    logger: "ciphermq.server",
    message: "connection opened",
    identity: "a\nb",
    connection: 7,
  });
});

Deno.test("quiet logs errors only, verbose everything, and else the level decides", async () => {
  assert.deepEqual(await logAll("quiet"), ["d"]);
  assert.deepEqual(await logAll("normal"), ["b", "c", "d"]);
  assert.deepEqual(await logAll("normal", "warning"), ["c", "d"]);
  assert.deepEqual(await logAll("verbose", "warning"), ["a", "b", "c", "d"]);
});

Deno.test("nothing is logged after the end", async () => {
  const terminal = new Lines();
  configureLogging(terminal);
  await disposeLogging();
  logger("server").error("late");
  assert.deepEqual(terminal.lines, []);
});
