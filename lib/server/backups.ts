/**
 * Copies of the database for the admins who ask for them: one at a time, pulled piece by piece over
 * a connection of theirs, while the broker goes on.
 *
 * The store's log cannot be shortened meanwhile. So a backup ends by itself when its connection does,
 * when nothing of it is read for too long, and when the disk becomes nearly full.
 *
 * @module
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Limits } from "../base/limits.ts";
import { logger } from "../base/log.ts";
import type { ConnectionId } from "../core/input.ts";
import { mayBackUp } from "../guard/access.ts";
import type { BackupOrder } from "../wire/command.ts";
import type { Reply } from "../wire/reply.ts";

const log = logger("backup");

/** What can be copied while it is in use; a store that has a file. */
export interface BackupSource {
  /** Begins a copy of the state of the last commit and gives its bytes. */
  beginBackup(): Promise<number>;
  /** The copy's bytes from `offset` on, as many as fit a piece; at least one before its end. */
  readBackup(offset: number): Promise<Uint8Array>;
  /** Ends the copy, if there is one. Calls take effect in their order. */
  endBackup(): Promise<void>;
}

/** What may be copied, and by whom. */
export interface BackupRights {
  /** What is copied. */
  readonly source: BackupSource;
  /** The identities that may. */
  readonly admins: readonly string[];
}

/** What {@linkcode Backups} need. */
export interface BackupsOptions {
  /** Absent: nobody may. */
  readonly rights: BackupRights | undefined;
  /** How long a backup may rest. */
  readonly limits: Pick<Limits, "backupTimeoutMs">;
  /** Where the time comes from. */
  readonly clock: Clock;
}

/** Who asks. */
export interface BackupClient {
  /** The connection that a backup belongs to. */
  readonly connection: ConnectionId;
  /** The name its verified certificate gives. */
  readonly identity: string;
}

interface Backup extends BackupClient {
  /** Bytes of the copy; 0 until it has begun. */
  bytes: number;
  /** When something of it was read last. */
  sinceMs: number;
  /** Why it has ended. */
  over?: string;
}

/** The backups of one broker. */
export class Backups {
  readonly #options: BackupsOptions;
  /** The last one, which may be over. */
  #backup: Backup | undefined;
  #diskLow = false;
  /** Connections that were refused: each is logged once, or it could fill the log. */
  readonly #refused = new Set<ConnectionId>();

  /** None is being made. */
  constructor(options: BackupsOptions) {
    this.#options = options;
  }

  /** Does what a client orders, if it may, and says what came of it. Never rejects. */
  async carryOut(order: BackupOrder, client: BackupClient): Promise<Reply> {
    const { rights } = this.#options;
    if (rights === undefined || !mayBackUp(client.identity, rights.admins)) {
      return this.#deny(client);
    }
    try {
      if (order.kind === "backup") return await this.#begin(rights.source, client);
      if (order.kind === "backup_read") {
        return await this.#read(rights.source, client, order.offset);
      }
      this.#endOf(client.connection, "its client ended it");
      return { kind: "backup_ended" };
    } catch (error) {
      log.error("backup failed", { ...client, reason: messageOf(error) });
      this.#endOf(client.connection, "the database could not be read");
      return failed("the database could not be read; the broker's log says why");
    }
  }

  /** A connection has ended, and its backup with it. */
  left(connection: ConnectionId): void {
    this.#refused.delete(connection);
    this.#endOf(connection, "its connection ended");
  }

  /** The disk is nearly full, or no longer. */
  disk(low: boolean): void {
    this.#diskLow = low;
    if (low) this.#end("the disk is nearly full");
  }

  /** Ends the backup if it has been resting for too long. */
  sweep(nowMs: number): void {
    const { backupTimeoutMs } = this.#options.limits;
    if (this.#backup === undefined || nowMs - this.#backup.sinceMs <= backupTimeoutMs) return;
    this.#end(`nothing of it was read for ${backupTimeoutMs / 1000} s`);
  }

  #deny(client: BackupClient): Reply {
    if (!this.#refused.has(client.connection)) {
      log.warn("backup refused: not an admin", { ...client });
    }
    this.#refused.add(client.connection);
    return failed(`'${client.identity}' may not back up the broker: it is not one of its admins`);
  }

  async #begin(source: BackupSource, client: BackupClient): Promise<Reply> {
    if (this.#backup !== undefined && this.#backup.over === undefined) {
      return failed("the limit of one backup at a time is reached; try again when it has ended");
    }
    if (this.#diskLow) return failed("no backup can begin: the disk is nearly full");
    const backup: Backup = { ...client, bytes: 0, sinceMs: this.#nowMs() };
    this.#backup = backup;
    const bytes = await source.beginBackup();
    if (backup.over !== undefined) return ended(backup.over);
    backup.bytes = bytes;
    backup.sinceMs = this.#nowMs();
    log.info("backup begun", { ...client, bytes });
    return { kind: "backup", bytes };
  }

  async #read(source: BackupSource, client: BackupClient, offset: number): Promise<Reply> {
    const backup = this.#backup;
    if (backup?.connection !== client.connection) {
      return failed("this connection has begun no backup; begin one with backup");
    }
    if (backup.over !== undefined) return ended(backup.over);
    if (offset >= backup.bytes) return failed(`the backup has ${backup.bytes} bytes only`);
    backup.sinceMs = this.#nowMs();
    const data = await source.readBackup(offset);
    return { kind: "backup_piece", data };
  }

  #endOf(connection: ConnectionId, why: string): void {
    if (this.#backup?.connection === connection) this.#end(why);
  }

  #end(why: string): void {
    const backup = this.#backup;
    if (backup === undefined || backup.over !== undefined) return;
    backup.over = why;
    const { connection, identity, bytes } = backup;
    log.info("backup ended", { connection, identity, bytes, reason: why });
    // A store that has failed says so to whoever commits.
    this.#options.rights?.source.endBackup().catch(() => {});
  }

  #nowMs(): number {
    return this.#options.clock.now().monoMs;
  }
}

function failed(why: string): Reply {
  return { kind: "failed", text: `Error: ${why}` };
}

function ended(why: string): Reply {
  return failed(`the backup has ended: ${why}`);
}
