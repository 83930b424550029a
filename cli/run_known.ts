/**
 * `run` of a container that others can know of: it is left running, or has a name, or its ID is
 * written into a file.
 *
 * @module
 */

import { type Container, start } from "../runtime/container.ts";
import type { ContainerRequest } from "../runtime/container_request.ts";
import { prepareNamed, runDetached } from "../runtime/lifecycle/create.ts";
import { newId } from "../runtime/records.ts";
import { wrongFlag } from "./flags/grammar.ts";
import { print, printError } from "./output.ts";
import type { RunCommand } from "./run_flags.ts";

/** Runs it; the last argument stays with one in the foreground. */
export async function runKnown(
  request: ContainerRequest,
  { detach, cidfile, restart }: Partial<RunCommand>,
  attend: (container: Container) => Promise<number>,
): Promise<number> {
  if (restart && !detach) {
    throw wrongFlag("--restart needs -d: in the foreground nobody is left to start it again");
  }
  const id = newId();
  const file = cidfile === undefined ? undefined : writeIdFile(cidfile, id);
  try {
    if (!detach) {
      const prepared = await prepareNamed({ ...request, id });
      warn(prepared.warning);
      return await attend(await start(prepared));
    }
    const { warning } = await runDetached({ ...request, id });
    warn(warning);
    print(`${id}\n`);
    return 0;
  } catch (error) {
    file?.remove();
    throw error;
  }
}

function warn(warning: string | undefined): void {
  if (warning) printError(`tiffin: ${warning}\n`);
}

/** Writes a container's ID into a file of its own: two that run at once must not take one for the other. */
export function writeIdFile(path: string, id: string): { remove(): void } {
  try {
    Deno.writeTextFileSync(path, id, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw wrongFlag(`--cidfile: ${path} is there already: remove it if its container is gone`);
  }
  return { remove: () => Deno.removeSync(path) };
}
