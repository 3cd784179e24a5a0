/**
 * Lines about refused connections: one each, and not too many.
 *
 * @module
 */
import assert from "node:assert/strict";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { RefusalLog } from "../../lib/server/refusal_log.ts";

Deno.test("a refusal is one structured line; a flood of them is ten a second and a count", async () => {
  const records: LogRecord[] = [];
  await configure({
    sinks: { memory: (record) => records.push(record) },
    loggers: [
      { category: "ciphermq", sinks: ["memory"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
  try {
    let monoMs = 0;
    const log = new RefusalLog({ now: () => ({ wallMs: 0, monoMs }) });
    log.note("handshake_failed", "10.0.0.1", "ECONNRESET");
    for (let i = 0; i < 99; i++) log.note("handshake_timeout", "10.0.0.2");
    assert.equal(records.length, 10);
    assert.deepEqual(records[0]!.category, ["ciphermq", "listener"]);
    assert.equal(records[0]!.level, "warning");
    assert.deepEqual(records[0]!.properties, {
      reason: "handshake_failed",
      address: "10.0.0.1",
      code: "ECONNRESET",
    });
    monoMs = 999;
    log.note("handshake_timeout", "10.0.0.2");
    assert.equal(records.length, 10);
    monoMs = 1_000;
    log.note("handshake_timeout", "10.0.0.3");
    assert.deepEqual(records[10]!.properties, {
      reason: "handshake_timeout",
      address: "10.0.0.3",
      leftOut: 91,
    });
    log.note("handshake_timeout", "10.0.0.3");
    assert.deepEqual(records[11]!.properties, { reason: "handshake_timeout", address: "10.0.0.3" });
  } finally {
    await reset();
  }
});
