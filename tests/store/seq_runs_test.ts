/**
 * Runs of notes against a plain map.
 *
 * @module
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { SeqRuns } from "../../lib/store/seq_runs.ts";

const edit = fc.record({ seq: fc.nat(20), note: fc.option(fc.nat(2), { nil: undefined }) });

/** The shortest list of runs for the notes. */
function runsOf(notes: Map<number, number>): number[][] {
  const runs: number[][] = [];
  for (const [seq, note] of [...notes].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === seq - 1 && last[2] === note) last[1] = seq;
    else runs.push([seq, seq, note]);
  }
  return runs;
}

Deno.test("runs hold the same notes as a map, in as few runs as there can be", () => {
  fc.assert(fc.property(fc.array(edit, { maxLength: 60 }), (edits) => {
    const runs = new SeqRuns();
    const notes = new Map<number, number>();
    for (const { seq, note } of edits) {
      if (note === undefined) {
        runs.delete(seq);
        notes.delete(seq);
      } else {
        runs.set(seq, note);
        notes.set(seq, note);
      }
      for (let at = 0; at <= 21; at++) assert.equal(runs.get(at), notes.get(at));
      const to = seq + 2;
      const three = [seq, seq + 1, to].map((at) => notes.get(at));
      assert.equal(runs.covers(seq, to, 0), three.every((noted) => noted === 0));
    }
    assert.deepEqual(JSON.parse(runs.toString()), runsOf(notes));
    assert.equal(SeqRuns.parse(runs.toString()).toString(), runs.toString());
    assert.equal(runs.empty, notes.size === 0);
  }));
});

Deno.test("skipping goes over the first run only where place and note are the asked ones", () => {
  const runs = SeqRuns.parse("[[3,5,0],[6,6,2]]");
  assert.equal(runs.skip(2, 0), 2);
  assert.equal(runs.skip(4, 0), 4);
  assert.equal(runs.skip(3, 2), 3);
  assert.equal(runs.skip(3, 0), 6);
  assert.equal(runs.toString(), "[[6,6,2]]");
});

Deno.test("damaged notes are refused", () => {
  for (const text of ["", "{}", "[1]", "[[2,1,0]]", '[["a",1,0]]', "[[1,2]]"]) {
    assert.throws(() => SeqRuns.parse(text), text);
  }
});
