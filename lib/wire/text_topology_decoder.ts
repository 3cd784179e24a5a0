/**
 * The command lines that make and remove exchanges, queues and bindings.
 *
 * @module
 */
import { nameProblem } from "../base/names.ts";
import { detached } from "./name_memory.ts";
import { readQueueOptions } from "./queue_options_text.ts";
import {
  type Decoded,
  malformed,
  nameAndOption,
  named,
  problemOf,
  refused,
  words,
} from "./text_arguments.ts";

/**
 * The command that `verb` and what follows its space are, the reply that they get, or nothing when
 * the verb is none of these. Throws `usage` for arguments that make no sense.
 */
export function decodeTopology(verb: string, rest: string): Decoded | undefined {
  switch (verb) {
    case "declare_queue":
      return declareQueue(rest);
    case "declare_exchange":
      return declareExchange(rest);
    case "bind":
    case "unbind":
      return binding(verb, rest);
    case "delete_queue":
    case "purge":
      return forcible(rest, "queue name", (queue, force) => ({ kind: verb, queue, force }));
    case "delete_exchange":
      return forcible(rest, "exchange name", (exchange, force) => {
        return { kind: verb, exchange, force };
      });
    default:
      return undefined;
  }
}

function declareQueue(rest: string): Decoded {
  const [name, text] = nameAndOption(rest);
  // What does not look like options is a name with a space.
  if (!text?.includes("=")) {
    return named(rest, "queue name", (queue) => ({ kind: "declare_queue", queue, options: {} }));
  }
  return named(name, "queue name", (queue) => {
    return { kind: "declare_queue", queue, options: readQueueOptions(text) };
  });
}

function declareExchange(rest: string): Decoded {
  const [name, option = "direct"] = nameAndOption(rest);
  const problem = nameProblem(option);
  if (problem !== undefined) return malformed(`Error: exchange kind ${problem}`);
  const exchangeKind = detached(option);
  return named(
    name,
    "exchange name",
    (exchange) => ({ kind: "declare_exchange", exchange, exchangeKind }),
  );
}

function binding(kind: "bind" | "unbind", rest: string): Decoded {
  const found = words(rest, 3);
  if (found === undefined) return malformed("Missing parameters");
  const [queue, exchange, routingKey] = found.map(detached) as [string, string, string];
  const problem = problemOf(
    ["queue name", queue],
    ["exchange name", exchange],
    ["routing key", routingKey],
  );
  if (problem !== undefined) return malformed(`Error: ${problem}`);
  return { kind, queue, exchange, routingKey };
}

/** A command with a name, after which only the word `force` may stand. */
function forcible(
  rest: string,
  what: string,
  make: (name: string, force: boolean) => Exclude<Decoded, { kind: "malformed" }>,
): Decoded {
  const [name, option] = nameAndOption(rest);
  return named(name, what, (name) => {
    if (option !== undefined && option !== "force") {
      throw refused(`what follows the ${what} is not 'force'`);
    }
    return make(name, option !== undefined);
  });
}
