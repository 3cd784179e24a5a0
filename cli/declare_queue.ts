/**
 * `ciphermq declare-queue`: tells a queue how to treat its messages.
 *
 * @module
 */
import type { Command } from "commander";
import { Operator } from "../lib/client/operator.ts";
import { addConnectionFlags, type ConnectionFlags, readClientSetup } from "./client_flags.ts";
import type { Terminal } from "./terminal.ts";

/** Adds `declare-queue` to the program. */
export function addDeclareQueue(program: Command, terminal: Terminal): void {
  const command = program.command("declare-queue")
    .summary("make a queue, or tell one how to treat its messages")
    .description(
      "Makes the queue if it is not there, and sets the options that are given; all others stay as " +
        "they are, also when a receiver declares the queue again. What leads messages to it is a " +
        "receiver's `receive --queue`.",
    )
    .argument("<QUEUE>")
    .argument(
      "[OPTION=VALUE...]",
      "ack_timeout_ms, max_deliveries (0: no limit), ttl_ms (0: for ever), expired (dead or remove), " +
        "max_messages, max_bytes",
    );
  addConnectionFlags(command).action(
    async (queue: string, options: string[], flags: ConnectionFlags) => {
      const operator = await Operator.connect(readClientSetup(flags).connection);
      try {
        await operator.declareQueue(queue, options);
      } finally {
        await operator.close();
      }
      if (terminal.json) terminal.data(JSON.stringify({ queue, options }));
      else terminal.note(`declared queue '${queue}'${options.map((one) => ` ${one}`).join("")}`);
    },
  );
}
