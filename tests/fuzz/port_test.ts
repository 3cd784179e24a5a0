/**
 * What is no client at the port of a real broker.
 *
 * @module
 */
import assert from "node:assert/strict";
import { knockAll } from "./port.ts";

const SEED = 4;
const COUNT = 300;
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;

Deno.test(`${COUNT} connections of noise and broken handshakes leave nothing, and clients are served`, async () => {
  const { kinds, served, files, memory } = await knockAll(SEED, COUNT);
  assert.equal(kinds.size, 6);
  assert(served > 5, `served ${served} times`);
  assert(files[1] <= files[0], `${files[0]} files open, then ${files[1]}`);
  assert(memory[1] - memory[0] < MAX_GROWTH_BYTES, `${memory[0]} bytes, then ${memory[1]}`);
});
