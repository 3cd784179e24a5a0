/**
 * The thread of a database that dies, some other time, when it is asked for the newest row.
 *
 * @module
 */
import "../../lib/store/database_worker.ts";

const port = globalThis as unknown as { onmessage: (event: MessageEvent) => void };
const serve = port.onmessage;
port.onmessage = (event) => {
  if (event.data[1] !== "lastBatch") return serve(event);
  setTimeout(() => {
    throw new Error("it just happened");
  });
};
