/**
 * This project's broker: `ciphermq serve` as its users run it.
 *
 * @module
 */
import type { Server } from "./server.ts";

/** The broker that the others are compared with. */
export const CIPHERMQ: Server = {
  name: "CipherMQ",
  client: "ciphermq",
  lacks: "",
  missing: () => undefined,
  start: async (workspace) => {
    const program = await workspace.serve();
    return {
      pid: program.pid,
      port: workspace.port,
      stop: async () => {
        program.signal("SIGTERM");
        await program.success();
      },
    };
  },
};
