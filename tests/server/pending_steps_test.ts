/** What is held back behind an order, and what is not. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PendingSteps } from "../../lib/server/pending_steps.ts";
import type { Step } from "../../lib/session/session.ts";

function ask(text: string): Step {
  return { kind: "reply", reply: { kind: "failed", text } };
}

function order(offset: number): Step {
  return { kind: "backup", order: { kind: "backup_read", offset } };
}

/** What a step says or where it reads, to tell it by. */
function nameOf(step: Step): string {
  if (step.kind === "backup") {
    return `order ${step.order.kind === "backup_read" && step.order.offset}`;
  }
  assert(step.kind === "reply" && step.reply.kind === "failed");
  return step.reply.text;
}

/** An engine that answers what it got when it is told to. */
class Desk {
  readonly done: string[] = [];
  readonly given: { steps: readonly Step[]; bytes: number }[] = [];
  readonly pending = new PendingSteps((steps, bytes) => this.given.push({ steps, bytes }));

  /** Answers the oldest submission, or carries out the order; false when there is neither. */
  serve(): boolean {
    const next = this.given.shift();
    if (next !== undefined) {
      this.done.push(...next.steps.map(nameOf));
      this.pending.answered(next.steps.length, next.bytes);
      return true;
    }
    const { order } = this.pending;
    if (order === undefined) return false;
    this.done.push(nameOf({ kind: "backup", order }));
    this.pending.orderDone();
    return true;
  }
}

Deno.test("an order waits for what came before it, and what came after it waits for the order", () => {
  const { pending, given, ...desk } = new Desk();
  pending.add([ask("a"), order(0), ask("b")], 30);
  assert.deepEqual(desk.done, []);
  assert.deepEqual(given.map(({ steps }) => steps.map(nameOf)), [["a"]]);
  assert.equal(pending.order, undefined, "the first is not answered");
  pending.add([ask("c")], 10);
  assert.equal(given.length, 1);
  pending.answered(1, given[0]!.bytes);
  assert.deepEqual(pending.order, { kind: "backup_read", offset: 0 });
  pending.orderDone();
  assert.deepEqual(given.map(({ steps }) => steps.map(nameOf)), [["a"], ["b", "c"]]);
  assert.equal(pending.count, 2);
});

Deno.test("everything is answered once and in order, and every byte is freed", () => {
  const piece = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(fc.array(piece, { maxLength: 12 }), fc.nat(4), (pieces, served) => {
    const desk = new Desk();
    const asked: string[] = [];
    for (const orders of pieces) {
      const steps = orders.map((isOrder, i) =>
        isOrder ? order(asked.length + i) : ask(`${asked.length + i}`)
      );
      asked.push(...steps.map(nameOf));
      desk.pending.add(steps, steps.length * 7);
      for (let i = 0; i < served; i++) desk.serve();
      const left = asked.length - desk.done.length;
      assert.equal(desk.pending.count, left);
      assert(desk.pending.bytes >= left && desk.pending.bytes <= asked.length * 7);
    }
    while (desk.serve());
    assert.deepEqual(desk.done, asked);
    assert.equal(desk.pending.bytes, 0);
  }));
});
