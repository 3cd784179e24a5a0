/**
 * How exchanges, queues, bindings and registered keys are written.
 *
 * @module
 */
import type { Change } from "../core/effect.ts";
import type { Operation } from "./database.ts";
import type { KeyVault } from "./key_vault.ts";
import { rowSum } from "./row_sum.ts";
import { keyOwner } from "./sqlite_snapshot.ts";

/** A change to something else than messages; of a deleted queue, to what it was besides them. */
export type TopologyChange = Exclude<Change, { message: unknown }>;

/** What writes one change. What is there already, or not there any more, is left so. */
export function topologyOperations(
  vault: KeyVault,
  change: TopologyChange,
  wallMs: number,
): Operation[] {
  switch (change.kind) {
    case "exchange_declared":
      return [checked("declareExchange", change.exchange, change.exchangeKind)];
    case "exchange_deleted":
      return [["unbindExchange", change.exchange], ["deleteExchange", change.exchange]];
    case "queue_declared":
      return [checked("declareQueue", change.queue, JSON.stringify(change.options))];
    case "queue_deleted":
      return [["unbindQueue", change.queue], ["deleteQueue", change.queue]];
    case "bound":
      return [checked("bind", change.queue, change.exchange, change.routingKey)];
    case "unbound":
      return [["unbind", change.queue, change.exchange, change.routingKey]];
    case "key_registered": {
      const { ciphertext, nonce, tag } = vault.seal(keyOwner(change.client), change.key);
      return [["registerKey", change.client, ciphertext, nonce, tag, wallMs]];
    }
  }
}

/** What writes a row of texts, with their checksum behind them. */
function checked(name: "declareExchange" | "declareQueue" | "bind", ...texts: string[]): Operation {
  return [name, ...texts, rowSum(...texts)];
}
