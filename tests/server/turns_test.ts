/** Who is served next. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Turns } from "../../lib/server/turns.ts";

interface Piece {
  readonly connection: number;
  readonly steps: { readonly length: number };
  readonly bytes: number;
  readonly n: number;
}

const UNLIMITED = { maxSteps: Infinity, maxBytes: Infinity };

function piece(connection: number, n: number, steps = 1, bytes = 0): Piece {
  return { connection, steps: { length: steps }, bytes, n };
}

Deno.test("who sends one piece is served with the next commit, whatever others have waiting", () => {
  const turns = new Turns<Piece>();
  for (let n = 0; n < 1_000; n++) turns.add(piece(1 + n % 3, n, 500));
  turns.add(piece(9, 1_000));
  const first = turns.take({ maxSteps: 1_600, maxBytes: Infinity });
  assert.deepEqual(first.map(({ connection }) => connection), [1, 2, 3, 9, 1]);
  assert.deepEqual(
    turns.take({ maxSteps: 500, maxBytes: Infinity }).map(({ connection }) => connection),
    [2],
  );
});

Deno.test("steps and bytes both bound what is taken at once, and one piece always goes", () => {
  const turns = new Turns<Piece>();
  for (let n = 0; n < 6; n++) turns.add(piece(n, n, 10, 100));
  const numbers = (limits: { maxSteps: number; maxBytes: number }) =>
    turns.take(limits).map(({ n }) => n);
  assert.deepEqual(numbers({ maxSteps: 20, maxBytes: Infinity }), [0, 1]);
  assert.deepEqual(numbers({ maxSteps: Infinity, maxBytes: 101 }), [2, 3]);
  assert.deepEqual(numbers({ maxSteps: 1, maxBytes: 1 }), [4]);
  assert.deepEqual(numbers(UNLIMITED), [5]);
  assert(turns.empty);
  assert.deepEqual(numbers(UNLIMITED), []);
});

Deno.test("nothing is lost, and each connection's pieces keep their order", () => {
  const connections = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 60 });
  fc.assert(fc.property(connections, fc.integer({ min: 1, max: 7 }), (order, maxSteps) => {
    const turns = new Turns<Piece>();
    const taken: Piece[] = [];
    for (const [n, connection] of order.entries()) {
      turns.add(piece(connection, n));
      if (n % 4 === 3) taken.push(...turns.take({ maxSteps, maxBytes: Infinity }));
    }
    taken.push(...turns.take(UNLIMITED));
    assert(turns.empty);
    for (const connection of new Set(order)) {
      const sent = [...order.entries()].filter(([, one]) => one === connection).map(([n]) => n);
      const served = taken.filter((one) => one.connection === connection).map(({ n }) => n);
      assert.deepEqual(served, sent);
    }
  }));
});

Deno.test("what is dropped does not come any more", () => {
  const turns = new Turns<Piece>();
  turns.add(piece(1, 0));
  turns.clear();
  assert(turns.empty);
  assert.deepEqual(turns.take(UNLIMITED), []);
});
