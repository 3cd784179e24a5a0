/** Tests of `lib/wire/name_memory.ts`. @module */
import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { detached, NameMemory } from "../../lib/wire/name_memory.ts";

Deno.test("a detached name is the same name", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (name) => {
    assert.equal(detached(name), name);
  }));
  const memory = new NameMemory();
  for (const name of ["a", "a", "b", "", "a"]) assert.equal(memory.keep(name), name);
});

Deno.test("names do not keep the block alive that they were cut from", () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const kept: string[] = [];
  const memory = new NameMemory();
  const keepNames = (cut: (name: string) => string) => {
    collect();
    const before = Deno.memoryUsage().heapUsed;
    for (let i = 0; i < 100; i++) {
      const block = new TextDecoder().decode(new Uint8Array(500_000).fill(97 + (i % 26)));
      kept.push(cut(block.slice(i, i + 40)));
    }
    collect();
    return Deno.memoryUsage().heapUsed - before;
  };
  assert.ok(keepNames(detached) < 10_000_000);
  assert.ok(keepNames((name) => memory.keep(name)) < 10_000_000);
  // What would happen otherwise; if this stops being so, detaching is no longer needed.
  assert.ok(keepNames((name) => name) > 40_000_000);
});
