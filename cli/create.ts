/**
 * `create`: a container made, to be started later.
 *
 * @module
 */

import { RUN_FLAG_GROUPS } from "./flags/run_table.ts";
import { wrongFlag } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

const { "Watching it start": _, ...groups } = RUN_FLAG_GROUPS;

/** The help of `create`. */
export const help: Help = {
  usage: "create [FLAGS] IMAGE [COMMAND [ARGUMENT…]]",
  summary: "make a container, to be started later",
  about: ["It takes the flags of run. What start needs is kept in the container."],
  flags: groups,
  examples: [
    { command: "create --name web -p 8080:80 nginx", does: "then: tiffin start web" },
    { command: "create -it local sh", does: "a shell; then: tiffin start -ai and its ID" },
  ],
};

/** Makes a container, and prints its ID. */
export async function create(args: string[], { root }: Context): Promise<number> {
  const [{ createContainer }, { newId }, { toRequest }, { parseRunFlags }, { writeIdFile }] =
    await Promise.all([
      import("../runtime/lifecycle/create.ts"),
      import("../runtime/records.ts"),
      import("./run.ts"),
      import("./run_flags.ts"),
      import("./run_known.ts"),
    ]);
  const command = await parseRunFlags(args);
  if (command.detach || command.explain || command.trace) {
    const flag = command.detach ? "-d" : command.explain ? "--explain" : "--trace";
    throw wrongFlag(`${flag}: create starts nothing; run takes this flag`);
  }
  const request = await toRequest(command, root, true);
  const id = newId();
  const file = command.cidfile === undefined ? undefined : writeIdFile(command.cidfile, id);
  try {
    await createContainer({ ...request, id, rm: command.rm });
  } catch (error) {
    file?.remove();
    throw error;
  }
  print(`${id}\n`);
  return 0;
}
