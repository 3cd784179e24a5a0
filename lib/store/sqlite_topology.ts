/**
 * Writes exchanges, queues, bindings and registered keys.
 *
 * @module
 */
import type { Change } from "../core/effect.ts";
import type { KeyVault } from "./key_vault.ts";
import { keyOwner } from "./sqlite_snapshot.ts";
import type { Statements } from "./sqlite_statements.ts";

/** A change to something else than messages; of a deleted queue, to what it was besides them. */
export type TopologyChange = Exclude<Change, { message: unknown }>;

/** Writes one change. What is there already, or not there any more, is left so. */
export function writeTopology(
  sql: Statements,
  vault: KeyVault,
  change: TopologyChange,
  wallMs: number,
): void {
  switch (change.kind) {
    case "exchange_declared":
      sql.declareExchange.run(change.exchange, change.exchangeKind);
      break;
    case "exchange_deleted":
      sql.unbindExchange.run(change.exchange);
      sql.deleteExchange.run(change.exchange);
      break;
    case "queue_declared":
      sql.declareQueue.run(change.queue, JSON.stringify(change.options));
      break;
    case "queue_deleted":
      sql.unbindQueue.run(change.queue);
      sql.deleteQueue.run(change.queue);
      break;
    case "bound":
      sql.bind.run(change.queue, change.exchange, change.routingKey);
      break;
    case "unbound":
      sql.unbind.run(change.queue, change.exchange, change.routingKey);
      break;
    case "key_registered": {
      const { ciphertext, nonce, tag } = vault.seal(keyOwner(change.client), change.key);
      sql.registerKey.run(change.client, ciphertext, nonce, tag, wallMs);
    }
  }
}
