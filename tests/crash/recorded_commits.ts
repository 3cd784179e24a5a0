/**
 * A process that commits in several lives and reports each commit that resolved, to be recorded. The
 * log is copied into the file every few commits, so that the recording has everything a store does
 * with its files. Arguments: the database's path, `FULL` or, as a control that loses commits,
 * `NORMAL`.
 *
 * @module
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { SqliteStore } from "../../lib/store/sqlite_store.ts";
import { changesOf, report } from "../store/commit_loop.ts";
import { AES_KEY } from "../store/database_folder.ts";

/** Bytes of a body. */
export const RECORDED_BODY_BYTES = 700;
const LIVES = 3;
const COMMITS_PER_LIFE = 25;
/** The log counts as so many times longer than it is: it is copied after 40 pages instead of 4,096. */
const LOG_FACTOR = 103;

/** Makes every database of this process one whose log is short, and one that syncs as told. */
function tamper(synchronous: string): void {
  const prototype = DatabaseSync.prototype;
  const { exec, prepare } = prototype;
  const rewrite = (sql: string) => {
    if (synchronous === "FULL") return sql;
    if (/^PRAGMA synchronous$/.test(sql)) return "SELECT 2";
    return sql.replaceAll("synchronous = FULL", `synchronous = ${synchronous}`);
  };
  prototype.exec = function (sql) {
    exec.call(this, rewrite(sql));
  };
  prototype.prepare = function (sql) {
    const statement = prepare.call(this, rewrite(sql));
    return sql === "PRAGMA wal_checkpoint(NOOP)" ? lengthened(statement) : statement;
  };
}

function lengthened(statement: StatementSync): StatementSync {
  const get = statement.get.bind(statement);
  statement.get = () => {
    const row = get() as { log: number };
    return { ...row, log: row.log * LOG_FACTOR };
  };
  return statement;
}

async function live(path: string): Promise<void> {
  const store = await SqliteStore.open(
    { path, aesKey: AES_KEY, cacheBytes: 0 },
    LocalDatabase.open,
  );
  const { lanes } = await store.load();
  const first = lanes[0]?.nextSeq ?? 0;
  for (let commit = first; commit < first + COMMITS_PER_LIFE; commit++) {
    await store.commit(changesOf(commit, RECORDED_BODY_BYTES), commit);
    report(`committed ${commit}`);
  }
  await store.close();
}

if (import.meta.main) {
  tamper(Deno.args[1]!);
  for (let life = 0; life < LIVES; life++) await live(Deno.args[0]!);
}
