/** Who is served next. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Turns } from "../../lib/server/turns.ts";

interface Piece {
  readonly connection: number;
  readonly n: number;
}

function take(turns: Turns<Piece>, count = Infinity): Piece[] {
  const taken: Piece[] = [];
  while (taken.length < count) {
    const piece = turns.next();
    if (piece === undefined) break;
    taken.push(piece);
  }
  return taken;
}

Deno.test("who sends one piece is served soon, whatever others have waiting", () => {
  const turns = new Turns<Piece>();
  for (let n = 0; n < 1_000; n++) turns.add({ connection: 1 + n % 3, n });
  turns.add({ connection: 9, n: 1_000 });
  assert.deepEqual(take(turns, 6).map(({ connection }) => connection), [1, 2, 3, 9, 1, 2]);
});

Deno.test("what is given back goes on before its connection's others, after all others' turns", () => {
  const turns = new Turns<Piece>();
  for (const [n, connection] of [1, 1, 2, 3].entries()) turns.add({ connection, n });
  turns.giveBack(turns.next()!);
  assert.deepEqual(take(turns).map(({ n }) => n), [2, 3, 0, 1]);
});

Deno.test("nothing is lost, and each connection's pieces keep their order", () => {
  const connections = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 60 });
  fc.assert(fc.property(connections, fc.integer({ min: 1, max: 7 }), (order, count) => {
    const turns = new Turns<Piece>();
    const taken: Piece[] = [];
    for (const [n, connection] of order.entries()) {
      turns.add({ connection, n });
      if (n % 3 === 2) turns.giveBack(turns.next()!);
      if (n % 4 === 3) taken.push(...take(turns, count));
    }
    taken.push(...take(turns));
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
  turns.add({ connection: 1, n: 0 });
  turns.clear();
  assert(turns.empty);
  assert.deepEqual(turns.next(), undefined);
});
