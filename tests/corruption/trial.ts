/**
 * Damages a database again and again, and says what a broker made of it: it serves the same, it refuses
 * by name, or, where the end of its log is lost, it serves the state of an earlier commit. Anything else
 * is an error.
 *
 * @module
 */
import { CipherMqError } from "../../lib/base/errors.ts";
import { Random } from "../fuzz/random.ts";
import { type Damage, damage } from "./damage.ts";
import { type Keyed, makeDatabase, serve, type Service } from "./service.ts";

/** What became of a damaged database. */
export type Outcome = "same" | "refused" | "earlier";

/** The two files of a database. */
export type Files = Readonly<Record<"" | "-wal", Uint8Array>>;

/** What may stand beside a database. */
const SUFFIXES = ["", "-wal", "-shm", "-journal"];
const CODES = ["storage", "cryptographic", "configuration"];

/** Damages the database in one folder. */
export class Trial {
  readonly #at: Keyed;
  /** The database and its log before any damage. */
  readonly files: Files;
  /** What it serves after each commit whose end is in the log, the last one first. */
  readonly #states: readonly Service[];

  private constructor(at: Keyed, files: Files, states: readonly Service[]) {
    this.#at = at;
    this.files = files;
    this.#states = states;
  }

  /** Makes the database. */
  static async make(at: Keyed): Promise<Trial> {
    const made: Files[] = [];
    await makeDatabase(at, () => {
      made.unshift({
        "": Deno.readFileSync(at.path),
        "-wal": Deno.readFileSync(`${at.path}-wal`),
      });
    });
    const states: Service[] = [];
    for (const files of made) {
      put(at.path, files);
      states.push(await serve(at));
    }
    return new Trial(at, made[0]!, states);
  }

  /** The damage number `index` of a seed, put in place. */
  damaged(seed: number, index: number): Damage {
    const done = damage(this.files, new Random(seed, 0, index));
    put(this.#at.path, { ...this.files, [done.file]: done.bytes });
    return done;
  }

  /** What a store makes of it. Throws when that is none of the outcomes that are allowed. */
  async outcomeOf(done: Damage): Promise<Outcome> {
    const before = SUFFIXES.filter((suffix) => isThere(this.#at.path + suffix));
    let service: Service;
    try {
      service = await serve(this.#at);
    } catch (error) {
      requireNamed(error);
      // What SQLite has copied into the file it may remove, and nothing else may go.
      const gone = before.filter((suffix) => !isThere(this.#at.path + suffix));
      if (gone.includes("")) throw new Error("the database was removed");
      return "refused";
    }
    return this.#judge(service, done);
  }

  #judge(service: Service, { file, isCut }: Damage): Outcome {
    const age = this.#states.findIndex((state) => isSame(state, service));
    if (age === 0) return "same";
    // The end of a log that is gone leaves no trace; damage near its end looks like a crash.
    const most = file === "" ? 0 : isCut ? Infinity : 2;
    if (age > 0 && age <= most) return "earlier";
    throw new Error(age === -1 ? "a service that never was" : `what was ${age} commits before`);
  }
}

/** Puts the files of a database in place of all that is there. */
export function put(path: string, files: Files): void {
  for (const suffix of SUFFIXES) if (isThere(path + suffix)) Deno.removeSync(path + suffix);
  for (const suffix of ["", "-wal"] as const) {
    Deno.writeFileSync(path + suffix, files[suffix], { mode: 0o600 });
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Fails unless an error says what is wrong and what to do. */
function requireNamed(error: unknown): void {
  if (!(error instanceof CipherMqError)) throw error;
  if (CODES.includes(error.code) && (error.hint ?? "") !== "") return;
  throw new Error(`a refusal without a name or hint: ${error.code}: ${error.message}`);
}

function isSame(a: Service, b: Service): boolean {
  return a.rest === b.rest && isSameMap(a.messages, b.messages) && isSameMap(a.bodies, b.bodies);
}

function isSameMap<T>(a: ReadonlyMap<string, T>, b: ReadonlyMap<string, T>): boolean {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}
