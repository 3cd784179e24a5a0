/**
 * Structured logs. Library code gets a logger and says what happened; where the lines go is
 * the program's choice (`cli/logging.ts`). Never log keys, payloads or raw requests.
 *
 * @module
 */
import { getLogger, type Logger } from "@logtape/logtape";

export type { Logger };

/** The logger of one area, for example `logger("server")`. */
export function logger(area: string): Logger {
  return getLogger(["ciphermq", area]);
}
