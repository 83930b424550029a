/**
 * Commands that do one thing to each of the containers that they are given, as Docker's do: each
 * that went well is printed, each that did not is an error of its own, and the others still get it.
 *
 * @module
 */

import { UsageError } from "./flags/grammar.ts";
import { report } from "./errors.ts";
import { print } from "./output.ts";

/** What a command does to each container. */
export interface Each {
  /** The command's name, for errors. */
  command: string;
  /** The data root, for errors. */
  root: string;
  /** Does it; what it returns is printed, or else the name as it was given; `false`: nothing is. */
  act: (name: string) => Promise<string | false | void>;
}

/**
 * Does something to each container that is named, one after the other.
 *
 * @returns the exit code: 1 where one of them failed
 * @throws {UsageError} where none is named
 */
export async function eachContainer(
  names: readonly string[],
  { command, root, act }: Each,
): Promise<number> {
  if (names.length === 0) {
    throw new UsageError(`${command} needs a container, by its name or its id`);
  }
  let code = 0;
  for (const name of names) {
    try {
      const said = await act(name);
      if (said !== false) print(`${said ?? name}\n`);
    } catch (error) {
      report(error, { command, root });
      code = 1;
    }
  }
  return code;
}
