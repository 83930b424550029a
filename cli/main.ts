/**
 * The command line: its first words, and the command that they name.
 *
 * Only the command's own module is loaded: a start is felt.
 *
 * @module
 */

import { tidyCache } from "./deno_cache.ts";
import { later } from "../runtime/later.ts";
import { dataRoot } from "../runtime/data_root.ts";
import type { FlagTable } from "./flags/grammar.ts";
import type { Occasion } from "./errors.ts";
import type { Help } from "./usage.ts";

/** What every command is told beside its own words. */
export interface Context {
  /** The data root, an absolute path. */
  root: string;
}

/** A command. It returns what the process exits with. */
export type Command = (args: string[], context: Context) => Promise<number>;

/** Where a command and its help are. */
export interface CommandEntry {
  /** The module that exports the command. */
  file: string;
  /** The export's name. */
  name: string;
  /** The module that exports its help as `help`, where it is another one. */
  helpFile?: string;
}

/**
 * The commands, in the order of the help.
 *
 * The modules are named by strings and not by `import` expressions: Deno opens every module that it
 * finds named in one, for all commands, before it runs the first.
 */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: { file: "./run.ts", name: "run", helpFile: "./run_help.ts" },
  explain: { file: "./run.ts", name: "explain", helpFile: "./explain_help.ts" },
  step: { file: "./step.ts", name: "step", helpFile: "./step_help.ts" },
  create: { file: "./create.ts", name: "create" },
  start: { file: "./start.ts", name: "start" },
  restart: { file: "./restart.ts", name: "restart" },
  stop: { file: "./stop.ts", name: "stop" },
  kill: { file: "./kill.ts", name: "kill" },
  wait: { file: "./wait.ts", name: "wait" },
  pause: { file: "./pause.ts", name: "pause" },
  unpause: { file: "./unpause.ts", name: "unpause" },
  rename: { file: "./rename.ts", name: "rename" },
  update: { file: "./update.ts", name: "update" },
  rm: { file: "./rm.ts", name: "rm" },
  ps: { file: "./ps.ts", name: "ps" },
  inspect: { file: "./inspect.ts", name: "inspect" },
  container: { file: "./container.ts", name: "container" },
  exec: { file: "./exec.ts", name: "exec" },
  attach: { file: "./attach.ts", name: "attach" },
  logs: { file: "./logs.ts", name: "logs" },
  top: { file: "./top.ts", name: "top" },
  stats: { file: "./stats.ts", name: "stats" },
  events: { file: "./events.ts", name: "events" },
  port: { file: "./port.ts", name: "port" },
  diff: { file: "./diff.ts", name: "diff" },
  cp: { file: "./cp.ts", name: "cp" },
  pull: { file: "./pull.ts", name: "pull" },
  push: { file: "./push.ts", name: "push" },
  images: { file: "./images.ts", name: "images" },
  history: { file: "./history.ts", name: "history" },
  tag: { file: "./tag.ts", name: "tag" },
  rmi: { file: "./rmi.ts", name: "rmi" },
  load: { file: "./load.ts", name: "load" },
  save: { file: "./save.ts", name: "save" },
  import: { file: "./import.ts", name: "importTree" },
  export: { file: "./export.ts", name: "exportContainer" },
  commit: { file: "./commit.ts", name: "commit" },
  image: { file: "./image.ts", name: "image" },
  network: { file: "./network.ts", name: "network" },
  volume: { file: "./volume.ts", name: "volume" },
  service: { file: "./service.ts", name: "service" },
  keeper: { file: "./keeper.ts", name: "keeper" },
  reap: { file: "./reap.ts", name: "reap" },
  search: { file: "./search.ts", name: "search" },
  login: { file: "./login.ts", name: "login" },
  logout: { file: "./logout.ts", name: "logout" },
  system: { file: "./system.ts", name: "system" },
  oci: { file: "./oci.ts", name: "oci" },
  doctor: { file: "./doctor.ts", name: "doctor" },
  lesson: { file: "./lesson.ts", name: "lesson", helpFile: "./lesson_help.ts" },
  version: { file: "./version.ts", name: "version" },
};

/** Loads a command. */
export async function commandOf({ file, name }: CommandEntry): Promise<Command> {
  return (await import(file))[name];
}

/** Loads a command's help. */
export async function helpOf({ file, helpFile }: CommandEntry): Promise<Help> {
  return (await import(helpFile ?? file)).help;
}

/** What can stand before the command. */
export const GLOBAL_FLAGS = {
  root: { value: "DIR", help: "keep images and containers in this directory" },
  version: { help: "print the version" },
} as const satisfies FlagTable;

/** The exit code for a command line that names no command: Docker's for what it does not know. */
const UNKNOWN = 125;

/**
 * Runs a command line.
 *
 * @param args the words after the program's name
 * @returns what the process should exit with
 */
export async function main(args: string[]): Promise<number> {
  const occasion: Occasion = { root: "" };
  try {
    const code = await dispatch(args, occasion);
    await tidyCache();
    return code;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return refusePermissions(error);
    const { report } = await later<typeof import("./errors.ts")>(import.meta, "./errors.ts");
    return report(error, occasion);
  }
}

/** Runs the command that the words name. */
async function dispatch(args: string[], occasion: Occasion): Promise<number> {
  try {
    const problem = groundProblem(ground());
    if (problem !== undefined) throw await usageError(problem);
    const { flags, operands } = await globalFlags(args);
    occasion.root = dataRoot(flags.root);
    const [name = flags.version ? "version" : "help", ...rest] = operands;
    if (name === "help") return await help(rest);
    const entry = await entryOf(name);
    occasion.command = name;
    return await (await commandOf(entry))(rest, { root: occasion.root });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "HelpWanted") throw error;
    return await help(occasion.command ? [occasion.command] : []);
  }
}

/** Says what Deno wants, without a module that it would want to read as well. */
function refusePermissions({ message }: Error): number {
  const [wish] = message.split(",", 1);
  const text = `tiffin: Deno ${wish.replace("Requires", "requires")}: start it as deno run -A\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(text));
  return UNKNOWN;
}

/** The flags before the command; usually there are none, and what reads them is not loaded. */
async function globalFlags(args: string[]) {
  if (args[0] !== undefined && !args[0].startsWith("-")) return { flags: {}, operands: args };
  const { parseFlags } = await grammar();
  return parseFlags(args, GLOBAL_FLAGS, { stopEarly: true });
}

function grammar() {
  return later<typeof import("./flags/grammar.ts")>(import.meta, "./flags/grammar.ts");
}

async function usageError(message: string): Promise<Error> {
  const { UsageError } = await grammar();
  return new UsageError(message, UNKNOWN);
}

/** Prints the help of one command, or of all. */
async function help(names: string[]): Promise<number> {
  const [{ formatHelp, formatOverview }, { print }] = await Promise.all([
    later<typeof import("./usage.ts")>(import.meta, "./usage.ts"),
    later<typeof import("./output.ts")>(import.meta, "./output.ts"),
  ]);
  if (names.length > 0) {
    print(formatHelp(await helpOf(await entryOf(names[0]))));
    return 0;
  }
  const helps = Object.entries(COMMANDS).map(async ([name, entry]) => [name, await helpOf(entry)]);
  print(formatOverview(Object.fromEntries(await Promise.all(helps)), GLOBAL_FLAGS));
  return 0;
}

/** The command of a name. */
async function entryOf(name: string): Promise<CommandEntry> {
  if (Object.hasOwn(COMMANDS, name)) return COMMANDS[name];
  const [{ didYouMean, show }, { elsewhere }] = await Promise.all([
    later<typeof import("../runtime/words.ts")>(import.meta, "../runtime/words.ts"),
    later<typeof import("./elsewhere.ts")>(import.meta, "./elsewhere.ts"),
  ]);
  const more = elsewhere(name) ?? didYouMean(name, Object.keys(COMMANDS));
  throw await usageError(`unknown command ${show(name)}${more}`);
}

/** The oldest Deno that all tests pass with. */
const LEAST_DENO = "2.8.3";

/** The first Linux that has mount_setattr(2), the runtime's newest call. */
const LEAST_LINUX = "5.12";

/** What keeps Tiffin from running on a machine, and what to do about it. */
export function groundProblem(
  { os, kernel, deno }: { os: string; kernel: string; deno: string },
): string | undefined {
  if (os !== "linux") {
    const way = os === "windows" ? "in WSL 2 (wsl --install)" : "in a virtual machine";
    return `containers are made by the Linux kernel, and this is ${os}: run Tiffin ${way}`;
  }
  if (isBefore(deno, LEAST_DENO)) {
    return `this is Deno ${deno}, and Tiffin needs ${LEAST_DENO}: deno upgrade, or npx --yes deno`;
  }
  if (isBefore(kernel, LEAST_LINUX)) {
    return `this is Linux ${kernel}, and Tiffin needs ${LEAST_LINUX}, for mount_setattr(2)`;
  }
}

/** Whether a version is before another; a part that is missing is 0. */
function isBefore(version: string, least: string): boolean {
  const [has, needs] = [version, least].map((text) =>
    text.split(".").map((part) => parseInt(part))
  );
  const i = needs.findIndex((part, i) => (has[i] || 0) !== part);
  return i >= 0 && (has[i] || 0) < needs[i];
}

/** What this process runs on. */
function ground() {
  const { build, version } = Deno;
  const kernel = build.os === "linux" ? Deno.osRelease() : "";
  return { os: build.os, kernel, deno: version.deno };
}
