/**
 * `exec`: a further process in a container that runs.
 *
 * @module
 */

import { type FlagTable, type Hidden, parseFlags, UsageError, wrongFlag } from "./flags/grammar.ts";
import { PROCESS } from "./flags/run_table.ts";
import { parseWord } from "./flags/values.ts";
import type { Context } from "./main.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  interactive: { short: "i", help: "attach standard input (the default; -i=false: not)" },
  tty: { short: "t", help: "give it a terminal (default at one; -t=false: not)" },
  detach: { short: "d", help: "leave it to itself" },
  env: PROCESS.env,
  "env-file": PROCESS["env-file"],
  user: PROCESS.user,
  workdir: PROCESS.workdir,
  privileged: { help: "every capability; the container's filter of system calls stays" },
  explain: {
    value: "FORMAT",
    bare: "text",
    help: "print each call that would be made, and why; make none. =json: as JSON",
  },
} as const satisfies FlagTable;

const HIDDEN: Readonly<Record<string, Hidden>> = {
  "detach-keys": {
    refused: "a process of exec ends with its command; start it with -d to leave it to itself",
  },
};

/** The help of `exec`. */
export const help: Help = {
  usage: "exec [FLAGS] CONTAINER COMMAND [ARGUMENT…]",
  summary: "run a further command in a container that runs",
  about: [
    "The command has what the container's own has: environment, directory, user, rights, limits. " +
    "It ends at the latest when the container does.",
    "Exits with the command's exit code, as run does; 125: it could not be started.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "exec web sh", does: "a shell, in the terminal where this is typed" },
    { command: "exec -u root -w /etc web cat passwd", does: "as another user, in a directory" },
    { command: "exec --explain web true", does: "how a process gets into a container" },
  ],
};

/** Runs the command. @returns the exit code of what was run */
export async function exec(args: string[], { root }: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS, { stopEarly: true, hidden: HIDDEN });
  const [name, ...command] = operands;
  if (name === undefined || command.length === 0) {
    throw new UsageError("exec needs a container and a command, as in: exec web sh");
  }
  if (flags.detach && flags.tty) {
    throw wrongFlag("-d and -t do not go together: nobody would look at the terminal");
  }
  const format = flags.explain && parseWord("explain", flags.explain, ["text", "json"]);
  const isAtTerminal = Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  const terminal = !flags.detach && (flags.tty ?? isAtTerminal);
  if (terminal && !format && !Deno.stdin.isTerminal()) {
    throw new Error("-t: standard input is not a terminal: leave -t away, or run this in one");
  }
  const [{ planExec }, { prepareExec, startExec }, { attend, size }, { readEnvironment }, paths] =
    await Promise.all([
      import("../runtime/lifecycle/exec.ts"),
      import("../runtime/exec.ts"),
      import("./run.ts"),
      import("./flags/process.ts"),
      import("./flags/paths.ts"),
    ]);
  const { target, process, info } = await planExec(root, name, {
    command,
    terminal,
    consoleSize: terminal ? await size() : undefined,
    env: readEnvironment(flags.env, flags["env-file"]),
    user: flags.user,
    workdir: flags.workdir && paths.containerPath("workdir", flags.workdir),
    privileged: flags.privileged,
  });
  const noInput = flags.interactive === false ? "no input" : "shared";
  using prepared = await prepareExec(target, process, {
    streams: flags.detach ? "none" : noInput,
    outlives: flags.detach,
  });
  if (format) return await explain(prepared.exec, info.id, format);
  const started = await startExec(prepared);
  return flags.detach ? 0 : await attend(started);
}

/** Prints how the process would join. */
async function explain(
  exec: import("../runtime/birth/exec.ts").Exec,
  id: string,
  format: "text" | "json",
): Promise<number> {
  const [{ explainCalls }, { listing, listingJson }, { hasColour, print }] = await Promise.all([
    import("../runtime/birth/trace.ts"),
    import("./explain.ts"),
    import("./output.ts"),
  ]);
  const lines = explainCalls(exec);
  const options = { id, colour: hasColour(Deno.stdout) };
  print(format === "json" ? listingJson(lines) : listing(lines, options));
  return 0;
}
