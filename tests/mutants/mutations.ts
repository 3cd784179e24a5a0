/**
 * The bugs that a suite must catch. A suite that cannot fail proves nothing.
 *
 * @module
 */
import type { Mutation } from "./mutation.ts";

const BATCH = "lib/server/batch.ts";
const ENGINE = "lib/server/engine.ts";
const BROKER = "lib/core/broker.ts";
const CONSUMER = "lib/core/consumer.ts";
const DELIVERY = "lib/core/delivery.ts";
const PUBLISHING = "lib/core/publishing.ts";
const DECLARATIONS = "lib/core/declarations.ts";
const DEDUP = "lib/core/dedup_window.ts";
const IN_FLIGHT = "lib/core/in_flight.ts";
const LANE = "lib/core/lane.ts";
const QUEUE = "lib/core/queue.ts";
const EXPIRING = "lib/core/expiring.ts";
const FRAMER = "lib/wire/line_framer.ts";
const RECEIVER_STATE = "lib/client/receiver_state.ts";
const RECEIVER = "lib/client/receiver.ts";
const WINDOW = "lib/client/sender_window.ts";
const SCHEMA = "lib/store/sqlite_schema.ts";

const DATABASE = "lib/store/local_database.ts";
const DATABASE_WORKER = "lib/store/database_worker.ts";
const ROLLED_BACK = "this.#rollBack();\n      throw error;";

/** Harmless as long as there is one transaction at a time. */
const COMMIT_LATER = [
  {
    file: DATABASE,
    find: "return this.#fuse.run(() => {\n      this.#transaction(",
    replace: "return this.#fuse.run(async () => {\n      await this.#transaction(",
  },
  {
    file: DATABASE,
    find: "#transaction(work: () => void): void {\n    this.#sql.begin.run();",
    replace:
      "async #transaction(work: () => void): Promise<void> {\n    if (!this.#db.isTransaction) this.#sql.begin.run();",
  },
  {
    file: DATABASE,
    find: "this.#sql.commit.run();",
    replace:
      "await new Promise((resolve) => setTimeout(resolve)); if (this.#db.isTransaction) this.#sql.commit.run();",
  },
];

const SIM = "tests/sim/histories_test.ts";

/** Every bug, in the words of the promise that it breaks. */
export const MUTATIONS: readonly Mutation[] = [
  {
    bug: "ACK before commit",
    edits: [{
      file: ENGINE,
      find: "if (changes.length > 0) await this.#options.store.commit(changes, now.wallMs);",
      replace:
        "const commit = changes.length > 0 && this.#options.store.commit(changes, now.wallMs); void commit;",
    }],
    suites: ["tests/server/engine_test.ts", SIM],
  },
  {
    bug: "synchronous=NORMAL",
    edits: [
      { file: SCHEMA, find: "PRAGMA synchronous = FULL;", replace: "PRAGMA synchronous = NORMAL;" },
      { file: SCHEMA, find: `["synchronous", 2],`, replace: `["synchronous", 1],` },
    ],
    suites: ["tests/crash/crash_states_test.ts"],
  },
  {
    bug: "synchronous=OFF",
    edits: [
      { file: SCHEMA, find: "PRAGMA synchronous = FULL;", replace: "PRAGMA synchronous = OFF;" },
      { file: SCHEMA, find: `["synchronous", 2],`, replace: `["synchronous", 0],` },
    ],
    suites: ["tests/crash/crash_states_test.ts"],
  },
  {
    bug: "dedup off",
    edits: [{
      file: PUBLISHING,
      find: "const known = this.#published.recall(peer.identity, id);",
      replace: "const known = undefined as number | undefined;",
    }],
    suites: ["tests/core/publishing_test.ts", SIM],
  },
  {
    bug: "dedup in memory only",
    edits: [{
      file: BROKER,
      find: "this.#published.remember(publisher, id, checksum, acceptedMs);",
      replace: "",
    }],
    suites: ["tests/core/broker_test.ts", SIM],
  },
  {
    bug: "dedup purged early",
    edits: [{
      file: DEDUP,
      find: "if (!full && wallMs - this.#youngSinceMs < this.#horizonMs) return;",
      replace: "if (!full && wallMs - this.#youngSinceMs < this.#horizonMs / 4) return;",
    }],
    suites: ["tests/core/dedup_window_test.ts", SIM],
  },
  {
    bug: "dedup keyed by id only",
    edits: [{
      file: PUBLISHING,
      find: "const known = this.#published.recall(peer.identity, id);",
      replace: `const known = this.#published.recall("", id);`,
    }, {
      file: PUBLISHING,
      find: "this.#published.remember(peer.identity, id, checksum, turn.now.wallMs);",
      replace: `this.#published.remember("", id, checksum, turn.now.wallMs);`,
    }],
    suites: ["tests/core/dedup_window_test.ts", SIM],
  },
  {
    bug: "retry answered with an error",
    edits: [{
      file: PUBLISHING,
      find: "if (!same) {",
      replace: "if (!same || same) {",
    }],
    suites: ["tests/core/publishing_test.ts", SIM],
  },
  {
    bug: "ack not persisted",
    edits: [{
      file: DELIVERY,
      find: `turn.change({ kind: "removed", message });\n    return lease;`,
      replace: "return lease;",
    }],
    suites: ["tests/core/delivery_test.ts", SIM],
  },
  {
    bug: "ack removes from all queues",
    edits: [{
      file: BROKER,
      find: "const lease = this.#delivery.remove(turn, message);",
      replace: `const lease = this.#delivery.remove(turn, message);
    for (let twin = this.#delivery.given(peer, id); twin !== undefined;) {
      this.#delivery.remove(turn, twin);
      twin = this.#delivery.given(peer, id);
    }`,
    }],
    suites: ["tests/core/broker_test.ts", SIM],
  },
  {
    bug: "ack by any identity",
    edits: [{
      file: IN_FLIGHT,
      find: "return this.#byReceiver.get(peer.identity)?.get(id) ?? [];",
      replace: "return [...this.#byReceiver.values()].flatMap((ids) => ids.get(id) ?? []);",
    }],
    suites: ["tests/core/broker_test.ts", "tests/e2e/adversary_test.ts", SIM],
  },
  {
    bug: "duplicate not acked again by the receiver",
    edits: [{
      file: RECEIVER_STATE,
      find: `if ("kind" in opened) answers.push(opened);`,
      replace: `if ("kind" in opened) { if (opened.kind !== "ack") answers.push(opened); }`,
    }],
    suites: ["tests/client/receiver_state_test.ts", SIM],
  },
  {
    bug: "the receiver knows a message by its tag alone, which its sender can choose",
    edits: [{
      file: "lib/client/inbox.ts",
      find: "return enc_session_key.slice(0, SESSION_CHARACTERS) +",
      replace: `return enc_session_key.slice(0, 0).padEnd(SESSION_CHARACTERS, "A") +`,
    }],
    suites: ["tests/client/inbox_test.ts"],
  },
  {
    bug: "an altered copy makes the receiver take the genuine message for a duplicate",
    edits: [{
      file: "lib/client/receiver_state.ts",
      find: "      this.#requireOurs(envelope);\n",
      replace: "      (inBatch as Set<string>).add(key);\n      this.#requireOurs(envelope);\n",
    }],
    suites: ["tests/client/receiver_state_test.ts"],
  },
  {
    bug: "receiver acks before its inbox is on disk",
    edits: [{
      file: RECEIVER,
      find: "if (batch.fresh.length > 0) await this.#options.sink.accept(batch.fresh);",
      replace: "",
    }, {
      file: RECEIVER,
      find:
        "for (const answer of this.#state.accepted(batch)) connection?.send(answer, this.#state);",
      replace:
        `for (const answer of this.#state.accepted(batch)) connection?.send(answer, this.#state);
      if (batch.fresh.length > 0) await this.#options.sink.accept(batch.fresh);`,
    }],
    suites: [SIM],
  },
  {
    bug: "redelivery timer lost on reconnect",
    edits: [{
      file: IN_FLIGHT,
      find: "if (message.lease!.sinceMs > sinceMs || found.length === limit) break;",
      replace: "if (message.deliveries > 1 || message.lease!.sinceMs > sinceMs) break;",
    }],
    suites: ["tests/core/in_flight_test.ts", "tests/core/delivery_test.ts", SIM],
  },
  {
    bug: "lease kept after disconnect",
    edits: [{
      file: BROKER,
      find: "this.#delivery.comeBackAll(turn, [...peer.leased]);",
      replace: "",
    }],
    suites: ["tests/core/broker_test.ts", SIM],
  },
  {
    bug: "one message leased twice",
    edits: [{
      file: LANE,
      find: "return oldestOf(this.#fresh) && this.#fresh.shift();",
      replace: `const next = oldestOf(this.#fresh);
    if (next !== undefined && next.seq % 7 !== 6) this.#fresh.shift();
    return next;`,
    }, {
      file: DELIVERY,
      find:
        `assert(!message.removed && message.lease === undefined, "a message has one live lease");`,
      replace: "",
    }],
    suites: ["tests/core/lane_test.ts", SIM],
  },
  {
    bug: "line split at a TCP chunk boundary",
    edits: [{
      file: FRAMER,
      find: "const blockStart = this.#partialLength === 0 ? 0 : this.#finishPartial(chunk, lines);",
      replace: "const blockStart = 0;",
    }],
    suites: ["tests/wire/line_framer_test.ts", SIM],
  },
  {
    bug: "line cap off by one",
    edits: [{
      file: FRAMER,
      find: "if (length > this.#maxLineBytes) this.#fail(lines);\n  }",
      replace: "if (length >= this.#maxLineBytes) this.#fail(lines);\n  }",
    }],
    suites: ["tests/wire/line_framer_test.ts"],
  },
  {
    bug: "line cap absent",
    edits: [{
      file: FRAMER,
      find:
        "if (excess > 1 || (excess === 1 && bytes.at(-1) !== CARRIAGE_RETURN)) this.#fail(lines);",
      replace: "",
    }],
    suites: ["tests/wire/line_framer_test.ts"],
  },
  {
    bug: "`authorized` not checked",
    edits: [{
      file: "lib/server/peer.ts",
      find: `if (tls.authorized !== true) return { refusal: "not_authorized" };`,
      replace: "",
    }],
    suites: ["tests/server/peer_test.ts"],
  },
  {
    bug: "the platform's check of clients is off, too",
    edits: [{
      file: "lib/server/peer.ts",
      find: `if (tls.authorized !== true) return { refusal: "not_authorized" };`,
      replace: "",
    }, {
      file: "lib/server/listener.ts",
      find: "rejectUnauthorized: true,",
      replace: "rejectUnauthorized: false,",
    }],
    suites: ["tests/server/listener_test.ts", "tests/e2e/strangers_test.ts"],
  },
  {
    bug: "resumed TLS session accepted",
    edits: [{
      file: "lib/server/peer.ts",
      find: `if (tls.isSessionReused()) return { refusal: "resumed_session" };`,
      replace: "",
    }],
    suites: ["tests/server/peer_test.ts", "tests/server/listener_test.ts"],
  },
  {
    bug: "registry row without additional data",
    edits: [{
      file: "lib/store/key_vault.ts",
      find: "cipher.setAAD(boundTo(owner));\n    const",
      replace: "const",
    }, {
      file: "lib/store/key_vault.ts",
      find: "decipher.setAAD(boundTo(owner));",
      replace: "",
    }],
    suites: ["tests/store/key_vault_test.ts"],
  },
  {
    bug: "pause on the TLS socket as back-pressure",
    edits: [{
      file: "lib/server/client_socket.ts",
      find: `if (handle !== undefined) handle.readStop();
    else this.destroy();`,
      replace: `if (handle !== undefined) this.#tls.pause();
    else this.destroy();`,
    }],
    suites: ["tests/server/client_socket_test.ts"],
  },
  {
    bug: "raw name in a log line",
    edits: [{
      file: "lib/guard/identity.ts",
      find: 'return isIdentity(name) ? { identity: name } : { refusal: "bad_common_name" };',
      replace:
        "return isIdentity(name) ? { identity: name } : { refusal: `bad_common_name ${name}` as IdentityRefusal };",
    }],
    suites: ["tests/guard/identity_test.ts", "tests/server/listener_test.ts"],
  },
  {
    bug: "ENOSPC answered ACK",
    edits: [{
      file: PUBLISHING,
      find: `if (this.diskLow) return "the broker's disk is nearly full; try again later";`,
      replace: "",
    }],
    suites: ["tests/core/publishing_test.ts", SIM],
  },
  {
    bug: "a message is delivered to whoever consumes its queue",
    edits: [{
      file: QUEUE,
      find: "const ready = this.#ready.get(receiver);\n    const lane",
      replace:
        "const ready = this.#ready.get(receiver) ?? [...this.#ready.values()][0];\n    const lane",
    }, {
      file: DELIVERY,
      find: `assert(message.receiver === peer.identity, "a message goes to whom it is addressed");`,
      replace: "",
    }],
    suites: ["tests/core/queue_test.ts", "tests/e2e/adversary_test.ts", SIM],
  },
  {
    bug: "a returned message goes to the end of its queue",
    edits: [{
      file: LANE,
      find: "giveBack(message: Message): void {\n    this.#returned.push(message);",
      replace: "giveBack(message: Message): void {\n    this.#fresh.push(message);",
    }],
    suites: ["tests/core/lane_test.ts", SIM],
  },
  {
    bug: "what came on a lost connection is acked on the next",
    edits: [{
      file: RECEIVER_STATE,
      find: "if (batch.epoch !== this.#epoch) return [];",
      replace: "",
    }],
    suites: ["tests/client/receiver_state_test.ts", SIM],
  },
  {
    bug: "what was in flight on a lost connection is not sent again",
    edits: [{
      file: WINDOW,
      find: "for (const entry of unanswered) this.#comeBack(flight.route, entry);",
      replace: "for (const entry of unanswered) this.#leave(entry);",
    }],
    suites: ["tests/client/sender_window_test.ts", SIM],
  },
  {
    bug: "delivered and acked in one batch, delivered all the same",
    edits: [{
      file: ENGINE,
      find:
        `if (release.kind === "deliver" && !release.message.removed) wanted.push(release.message);`,
      replace: `if (release.kind === "deliver") wanted.push(release.message);`,
    }],
    suites: ["tests/server/engine_test.ts", SIM],
  },
  {
    bug: "a failed commit does not stop the broker",
    edits: [{
      file: ENGINE,
      find: "return this.#fail(error);",
      replace: "void error;",
    }],
    suites: ["tests/server/engine_test.ts", SIM],
  },
  {
    bug: "a dead letter is dropped",
    edits: [{
      file: DELIVERY,
      find: `turn.change({ kind: "moved", from: message, message: moved });
    this.enqueue(queue, moved);`,
      replace: `turn.change({ kind: "removed", message });\n    return;`,
    }],
    suites: ["tests/core/dead_letters_test.ts", SIM],
  },
  {
    bug: "a queue that is full takes one more",
    edits: [{
      file: QUEUE,
      find: "if (this.#messages >= maxMessages) return",
      replace: "if (this.#messages > maxMessages) return",
    }],
    suites: ["tests/core/publishing_test.ts", SIM],
  },
  {
    bug: "a queue is deleted with its messages, and nobody forced that",
    edits: [{
      file: DECLARATIONS,
      find: "if (!force && (queue.messages > 0 || queue.consumers > 0)) {",
      replace: "if (!force && queue.consumers > 0) {",
    }],
    suites: ["tests/core/declarations_test.ts", SIM],
  },
  {
    bug: "what is unbound is bound until the next restart",
    edits: [{
      file: DECLARATIONS,
      find: `if (this.#topology.unbind(exchange, queue, routingKey)) {
      turn.change({ kind: "unbound",`,
      replace: `if (exchange.bindings > 0) {
      turn.change({ kind: "unbound",`,
    }],
    suites: ["tests/core/declarations_test.ts", SIM],
  },
  {
    bug: "a message that two bindings match is queued twice",
    edits: [{
      file: PUBLISHING,
      find:
        "for (const queue of queues) this.#enqueue(turn, queue, input, peer.identity, checksum);",
      replace:
        "for (const queue of [...queues, ...queues.slice(1)]) this.#enqueue(turn, queue, input, peer.identity, checksum);",
    }],
    suites: ["tests/core/publishing_test.ts", SIM],
  },
  {
    bug: "an ack is not remembered",
    edits: [{
      file: BROKER,
      find: "this.#acknowledged.remember(peer.identity, id, 0, wallMs);",
      replace: "",
    }],
    suites: ["tests/core/broker_test.ts", SIM],
  },
  {
    bug: "EIO swallowed",
    edits: [{ file: DATABASE, find: ROLLED_BACK, replace: "this.#rollBack();" }],
    suites: ["tests/crash/io_faults_test.ts"],
  },
  {
    bug: "a full disk's ENOSPC swallowed, and its messages answered with ACK",
    edits: [{
      file: DATABASE,
      find: ROLLED_BACK,
      replace: "this.#rollBack();\n      if (!/full/.test(String(error))) throw error;",
    }],
    suites: ["tests/crash/io_faults_test.ts"],
  },
  {
    bug: "a damaged row is handed on",
    edits: [{
      file: "lib/store/row_sum.ts",
      find: "return crc32(data, id >>> 0);",
      replace: "return 0;",
    }],
    suites: ["tests/store/row_sum_test.ts", "tests/corruption/corruption_test.ts"],
  },
  {
    bug: "what was in flight behind a refused message overtakes it",
    edits: [{
      file: "lib/core/held_back.ts",
      find: "return first.why;",
      replace: "return undefined;",
    }],
    suites: ["tests/core/held_back_test.ts", SIM],
  },
  {
    bug: "who floods the broker is served first",
    edits: [{
      file: "lib/server/turns.ts",
      find:
        "this.#rows.delete(connection);\n      if (row.length > 0) this.#rows.set(connection, row);",
      replace: "if (row.length === 0) this.#rows.delete(connection);",
    }],
    suites: ["tests/server/turns_test.ts"],
  },
  {
    bug: "unfinished lines have no bound of their own",
    edits: [{
      file: "lib/server/incoming_room.ts",
      find: "if (mayRead) return true;",
      replace: "if (mayRead || !mayRead) return true;",
    }],
    suites: ["tests/server/incoming_room_test.ts", "tests/e2e/memory_test.ts"],
  },
  {
    bug: "a backup for whoever asks",
    edits: [{
      file: "lib/guard/access.ts",
      find: "return admins.includes(identity);",
      replace: "return admins.includes(identity) || true;",
    }],
    suites: ["tests/guard/access_test.ts", "tests/server/backups_test.ts"],
  },
  {
    bug: "a key registered for another",
    edits: [{
      file: "lib/guard/access.ts",
      find: "return identity === client;",
      replace: "return identity === client || true;",
    }],
    suites: ["tests/guard/access_test.ts", "tests/e2e/adversary_test.ts"],
  },
  {
    bug: "a commit has no bound in bytes",
    edits: [{
      file: BATCH,
      find: "const MAX_WRITTEN_BYTES = 16 * 1024 * 1024;",
      replace: "const MAX_WRITTEN_BYTES = Infinity;",
    }],
    suites: ["tests/server/engine_test.ts"],
  },
  {
    bug: "a commit has all that one client sends at once, whatever its bytes",
    edits: [{
      file: ENGINE,
      find: "while (submission.done < steps.length && !batch.isLong) {",
      replace: "while (submission.done < steps.length) {",
    }],
    suites: ["tests/server/engine_test.ts"],
  },
  {
    bug: "acknowledgements wait for company that does not come",
    edits: [{
      file: ENGINE,
      find: "+ ALONE_MS;\n      this.#wake();",
      replace: "+ ALONE_MS;",
    }],
    suites: ["tests/server/engine_test.ts"],
  },
  {
    bug: "what else changes waits like an acknowledgement",
    edits: [{
      file: BATCH,
      find: 'if (change.kind !== "removed") this.#isAwaited = true;',
      replace: "",
    }],
    suites: ["tests/server/engine_test.ts"],
  },
  {
    bug: "what else is answered waits like an acknowledgement",
    edits: [{
      file: BATCH,
      find: "if (!isPatient(release)) this.#isAwaited = true;",
      replace: "",
    }],
    suites: ["tests/server/engine_test.ts"],
  },
  {
    bug: "a dead letter's id is taken for that of what was published after it",
    edits: [{
      file: BROKER,
      find:
        "if (dead !== undefined && this.#published.recall(publisher, id) !== undefined) return;",
      replace: "",
    }],
    suites: ["tests/core/dead_letters_test.ts"],
  },
  {
    bug: "one message has as many copies as there are queues, however large it is",
    edits: [{
      file: PUBLISHING,
      find: "if (queues.length > 1 && size * queues.length > max) {",
      replace: "if (queues.length > 1 && size > max) {",
    }],
    suites: ["tests/core/publishing_test.ts"],
  },
  {
    bug: "what the database's thread is asked overtakes a commit",
    edits: [{
      file: DATABASE_WORKER,
      find: "last = last.then(() => answer(data));",
      replace: `setTimeout(() => answer(data), data[0] === "write" ? 5 : 0);`,
    }],
    suites: ["tests/store/worker_database_test.ts"],
  },
  {
    bug: "two transactions of the database's thread run into each other",
    edits: [{
      file: DATABASE_WORKER,
      find: "last = last.then(() => answer(data));",
      replace: "void answer(data);",
    }, ...COMMIT_LATER],
    suites: ["tests/store/worker_database_test.ts"],
  },
  {
    bug: "a backup takes the place of a database in use",
    edits: [{
      file: "lib/client/backup_file.ts",
      find: "requireUnused(path);\n  if (replaces",
      replace: "if (replaces",
    }],
    suites: ["tests/client/backup_file_test.ts"],
  },
  {
    bug: "a backup is of a file that commits go into",
    edits: [{
      file: "lib/store/live_copy.ts",
      find: "this.#log.hold();",
      replace: "",
    }],
    suites: ["tests/store/live_copy_test.ts"],
  },
  {
    bug: "a second store of the program opens the same file",
    edits: [{
      file: "lib/store/sqlite_file.ts",
      find: "if (!claimed.has(fileOf(stats))) return;",
      replace: "if (claimed.size >= 0) return;",
    }],
    suites: ["tests/store/sqlite_database_test.ts"],
  },
  {
    bug: "a log that was damaged is taken for one that a crash cut off",
    edits: [{
      file: "lib/store/log_check.ts",
      find: "if (problem === undefined) return;",
      replace: "if (problem !== null) return;",
    }],
    suites: ["tests/store/log_check_test.ts", "tests/corruption/corruption_test.ts"],
  },
  {
    bug: "what expires last is looked at first",
    edits: [{
      file: EXPIRING,
      find: "one.expiresMs < other.expiresMs ||",
      replace: "one.expiresMs > other.expiresMs ||",
    }],
    suites: ["tests/core/expiring_test.ts", "tests/core/time_to_live_test.ts", SIM],
  },
  {
    bug: "messages that expire together are dead letters in another order",
    edits: [{ file: EXPIRING, find: "one.seq < other.seq", replace: "one.seq > other.seq" }],
    suites: ["tests/core/expiring_test.ts", "tests/core/time_to_live_test.ts", SIM],
  },
  {
    bug: "a message expires while somebody works at it",
    edits: [{
      file: DELIVERY,
      find: "if (message.removed || message.lease !== undefined) continue;",
      replace: "if (message.removed) continue;",
    }],
    suites: ["tests/core/time_to_live_test.ts", SIM],
  },
  {
    bug: "a dead letter dies again",
    edits: [{
      file: BROKER,
      find: "if (dead && mayDie) this.#delivery.reject",
      replace: "if (dead && (mayDie || !mayDie)) this.#delivery.reject",
    }],
    suites: ["tests/core/dead_letters_test.ts", SIM],
  },
  {
    bug: "one delivery more than max_deliveries",
    edits: [{
      file: DELIVERY,
      find: "message.deliveries >= maxDeliveries;",
      replace: "message.deliveries > maxDeliveries;",
    }],
    suites: ["tests/core/delivery_test.ts", SIM],
  },
  {
    bug: "a restart forgets how often a message was delivered",
    edits: [{
      file: DELIVERY,
      find: `turn.change({ kind: "returned", message, deliveries: message.deliveries });`,
      replace: "",
    }],
    suites: ["tests/core/delivery_test.ts", SIM],
  },
  {
    bug: "touch does not prolong a lease",
    edits: [{ file: IN_FLIGHT, find: "message.lease.sinceMs = nowMs;", replace: "" }],
    suites: ["tests/core/delivery_test.ts", SIM],
  },
  {
    bug: "one message more than a consumer has credit for",
    edits: [{
      file: CONSUMER,
      find: "this.#unacked < this.#prefetch &&",
      replace: "this.#unacked <= this.#prefetch &&",
    }],
    suites: ["tests/core/consumer_test.ts", SIM],
  },
  {
    bug: "a consumer's credit in bytes is not held",
    edits: [{
      file: CONSUMER,
      find: "this.#unackedBytes + message.size <= this.#prefetchBytes",
      replace: "this.#prefetchBytes > 0",
    }],
    suites: ["tests/core/consumer_test.ts", SIM],
  },
  {
    bug: "lines that a crash tore are taken for written",
    edits: [{
      file: "lib/client/output_file.ts",
      find: "for (const batch of doubtful) this.#inbox.rollBack(batch, this.#written(batch));",
      replace: "",
    }],
    suites: ["tests/client/output_file_test.ts"],
  },
  {
    bug: "a receiver's new key goes unnoticed after a lost connection",
    edits: [{
      file: "lib/client/key_cache.ts",
      find: "if (known.key !== undefined) known.askAtMs = -Infinity;",
      replace: "",
    }],
    suites: ["tests/client/key_cache_test.ts"],
  },
  {
    bug: "a client stays when its certificate has expired",
    edits: [{
      file: "lib/server/listener.ts",
      find: "this.#closeAtExpiry(tls, client, verdict.validToMs);",
      replace: "",
    }],
    suites: ["tests/server/listener_test.ts"],
  },
  {
    bug: "a handshake that stalls keeps its place",
    edits: [{
      file: "lib/server/listener.ts",
      find: `setTimeout(() => this.#refuse(raw, "handshake_timeout"), handshakeTimeoutMs);`,
      replace:
        `setTimeout(() => this.#refuse(raw, "handshake_timeout"), handshakeTimeoutMs + 60_000);`,
    }],
    suites: ["tests/server/listener_test.ts"],
  },
];
