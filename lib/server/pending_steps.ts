/**
 * What one client has asked for and is not answered yet. Steps for the engine go to it at once, but
 * none that came after an order about a backup before that is carried out: so replies keep the order
 * of the commands.
 *
 * @module
 */
import type { Step } from "../session/session.ts";
import type { BackupOrder } from "../wire/command.ts";
import type { EngineStep } from "./engine.ts";

/** Where steps for the engine go, with the bytes that they came as. */
export type Submit = (steps: readonly EngineStep[], bytes: number) => void;

/** The unanswered steps of one connection. */
export class PendingSteps {
  readonly #submit: Submit;
  /** Steps that are held back: none, or an order and what came after it. */
  #held: Step[] = [];
  #heldBytes = 0;
  #count = 0;
  #bytes = 0;

  /** Nothing is pending yet. */
  constructor(submit: Submit) {
    this.#submit = submit;
  }

  /** How many steps are not answered. */
  get count(): number {
    return this.#count;
  }

  /** As how many bytes they came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The order that is to be carried out next, when all that came before it is answered. */
  get order(): BackupOrder | undefined {
    const [first] = this.#held;
    const isNext = first?.kind === "backup" && this.#count === this.#held.length;
    return isNext ? first.order : undefined;
  }

  /** Takes steps that came as `bytes` bytes, at least one of each. */
  add(steps: readonly Step[], bytes: number): void {
    this.#count += steps.length;
    this.#bytes += bytes;
    if (this.#held.length === 0 && steps.every(isForEngine)) return this.#submit(steps, bytes);
    const isHeldUp = this.#held.length > 0;
    this.#held = this.#held.concat(steps);
    this.#heldBytes += bytes;
    if (!isHeldUp) this.#letOn();
  }

  /** The engine has answered a submission. */
  answered(steps: number, bytes: number): void {
    this.#count -= steps;
    this.#bytes -= bytes;
  }

  /** The order is carried out: what came after it goes on, up to the next one. */
  orderDone(): void {
    this.answered(1, this.#cut(1).bytes);
    this.#letOn();
  }

  #letOn(): void {
    const order = this.#held.findIndex((step) => !isForEngine(step));
    const count = order === -1 ? this.#held.length : order;
    if (count === 0) return;
    const { steps, bytes } = this.#cut(count);
    this.#submit(steps.filter(isForEngine), bytes);
  }

  /** A command has a line end at least, so each part has a byte; the last one has what is left. */
  #cut(count: number): { steps: Step[]; bytes: number } {
    const steps = this.#held.splice(0, count);
    const bytes = this.#held.length === 0 ? this.#heldBytes : 1;
    this.#heldBytes -= bytes;
    return { steps, bytes };
  }
}

function isForEngine(step: Step): step is EngineStep {
  return step.kind !== "backup";
}
