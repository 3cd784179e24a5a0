/**
 * Heads come back as they were written, whatever is in them, and damaged ones are refused.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type Head, headsText, readHeads, SharedNames } from "../../lib/store/heads_text.ts";

const name = fc.oneof(fc.constantFrom("a", "b"), fc.string({ unit: "binary" }));
const whole = fc.constantFrom(0, 1, -2147483648, 1_700_000_000_000);
const dead = fc.record<NonNullable<Head["dead"]>>({
  reason: fc.constantFrom("max_deliveries" as const, "rejected" as const, "expired" as const),
  text: name,
  deliveries: whole,
  atMs: whole,
  queue: name,
}, { noNullPrototype: true });
const head: fc.Arbitrary<Head> = fc.record({
  id: name,
  publisher: name,
  size: fc.nat(),
  checksum: whole,
  exchange: fc.constantFrom("x", "y"),
  routingKey: fc.constantFrom("k", "l"),
  expiresMs: whole,
  dead: fc.option(dead, { nil: undefined }),
}, { noNullPrototype: true });

const plain: Head = {
  id: "id",
  publisher: "p",
  size: 1,
  checksum: 2,
  exchange: "x",
  routingKey: "k",
  expiresMs: 0,
  dead: undefined,
};
const death = { reason: "expired", text: "", deliveries: 1, atMs: 2, queue: "q" } as const;

function read(text: string): Head[] {
  return [...readHeads(text, new SharedNames())];
}

Deno.test("heads come back as they were written", () => {
  fc.assert(fc.property(fc.array(head), (heads) => {
    assert.deepEqual(read(headsText(heads.map((message) => ({ message })))), heads);
  }));
});

Deno.test("heads that differ in any one thing are told apart, equal ones say it once", () => {
  const variants: Partial<Head>[] = [
    { publisher: "p2" },
    { exchange: "x2" },
    { routingKey: "k2" },
    { expiresMs: 5 },
    { dead: death },
    { dead: { ...death, reason: "rejected" } },
    { dead: { ...death, text: "why" } },
    { dead: { ...death, deliveries: 9 } },
    { dead: { ...death, atMs: 9 } },
    { dead: { ...death, queue: "q2" } },
  ];
  const heads = variants.flatMap((
    variant,
  ) => [plain, { ...plain, ...variant }, { ...plain, dead: death }]);
  assert.deepEqual(read(headsText(heads.map((message) => ({ message })))), heads);
  const alike = [plain, { ...plain, id: "id2" }].map((message) => ({ message }));
  assert.equal(headsText(alike), '[["p","x","k",0],"id",1,2,"id2",1,2]');
});

Deno.test("damaged heads are refused", () => {
  const damaged = [
    "{}",
    "1",
    "[1]",
    '["id",1,2]',
    '[["p","x","k",0]]',
    '[["p","x","k",0],"id",1]',
    '[["p","x","k",0],"id",1,"2"]',
    '[["p","x","k",0],"id",1.5,2]',
    '[["p","x","k",0],7,1,2]',
    '[["p","x","k"],"id",1,2]',
    '[["p","x",null,0],"id",1,2]',
    '[["p","x","k",0,["expired","",1,2]],"id",1,2]',
    '[["p","x","k",0,["expired","","1",2,"q"]],"id",1,2]',
  ];
  for (const text of damaged) assert.throws(() => read(text), TypeError, text);
  assert.throws(() => read("[["), SyntaxError);
});

Deno.test("names are shared, also past those that are remembered", () => {
  const names = new SharedNames();
  for (let i = 0; i < 25_000; i++) assert.equal(names.of(`name ${i}`), `name ${i}`);
  assert.equal(names.of("name 1"), "name 1");
});
