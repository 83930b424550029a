/**
 * `oci`: the command line of OCI runtimes, which engines start: Podman, Docker, containerd.
 *
 * The words are those of runc, and so is what an engine reads: an error is one line, on standard
 * error and in the file that `--log` names. Each subcommand is a module of its own in oci/, and only
 * that is loaded.
 *
 * @module
 */

import { later } from "../runtime/later.ts";
import { tidyCache } from "./deno_cache.ts";
import { type FlagTable, HelpWanted, parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { type OciContext, readGlobals } from "./oci/context.ts";
import { Log } from "./oci/log.ts";
import { print, printError } from "./output.ts";
import type { Help } from "./usage.ts";

/** What can stand before the subcommand. */
const FLAGS = {
  root: { value: "DIR", help: "keep containers in this directory (/run/tiffin-oci)" },
  log: { value: "FILE", help: "write errors into this file as well" },
  "log-format": { value: "text|json", help: "how they are written there" },
  debug: { help: "write down there what is done, too" },
  "cgroup-manager": {
    value: "MANAGER",
    help: "who makes control groups: cgroupfs, systemd or disabled",
  },
  "systemd-cgroup": { help: "systemd makes control groups" },
  version: { short: "v", help: "print the versions" },
} as const satisfies FlagTable;

/** Flags of runc's that change nothing here, and what they are read as. */
const IGNORED = { ignored: { value: "VALUE", help: "" } } as const satisfies FlagTable;
const HIDDEN = {
  rootless: { alias: "ignored" },
  criu: { alias: "ignored" },
} as const;

/** The subcommands; each module exports `command` and `help`. */
export const OCI_COMMANDS: readonly string[] = [
  "create",
  "start",
  "run",
  "state",
  "kill",
  "delete",
  "exec",
  "ps",
  "list",
  "pause",
  "resume",
  "update",
  "events",
  "features",
  "spec",
  "install",
];

/** A subcommand's module. */
interface Subcommand {
  command(args: string[], context: OciContext): Promise<number>;
  help: Help;
}

/** The help of `oci`. */
export const help: Help = {
  usage: "oci [FLAGS] COMMAND …",
  summary: "be the runtime of Podman, Docker or containerd",
  about: [
    `The commands are ${OCI_COMMANDS.join(", ")}; "tiffin oci COMMAND --help" shows the flags of ` +
    "one. They are those of runc.",
    "An engine wants one file to execute: oci install writes it.",
  ],
  flags: { "Flags before the command": FLAGS },
  examples: [
    { command: "oci install /usr/local/bin/tiffin-oci", does: "a file for engines" },
    {
      command: "oci spec && tiffin oci run box",
      does: "a bundle of ./rootfs, run without an engine",
    },
    { command: "oci list", does: "the containers that engines have made" },
  ],
};

/** Runs a command line of an OCI runtime's. */
export async function oci(args: string[], { root }: Context): Promise<number> {
  const log = new Log();
  try {
    const { flags, operands } = parseFlags(args, { ...FLAGS, ...IGNORED }, {
      stopEarly: true,
      hidden: HIDDEN,
    });
    log.open(flags.log, flags["log-format"], flags.debug ?? false);
    const [name, ...rest] = operands;
    if (name === undefined && !flags.version) throw new HelpWanted();
    if (flags.version) {
      await printVersions();
      return 0;
    }
    const module = await load(name);
    log.debug(`oci ${operands.join(" ")}`);
    try {
      return await module.command(rest, { ...readGlobals(flags), log });
    } catch (error) {
      if (!(error instanceof HelpWanted)) throw error;
      const { formatHelp } = await later<typeof import("./usage.ts")>(import.meta, "./usage.ts");
      print(formatHelp(module.help));
      return 0;
    }
  } catch (error) {
    if (error instanceof HelpWanted) throw error;
    const { complaintOf } = await later<typeof import("./errors.ts")>(import.meta, "./errors.ts");
    const { message, hints } = complaintOf(error, { command: "oci", root });
    log.error(message);
    printError(`tiffin: ${message}\n${hints.map((line) => `${line}\n`).join("")}`);
    return 1;
  }
}

async function load(name: string): Promise<Subcommand> {
  if (OCI_COMMANDS.includes(name)) {
    return await later<Subcommand>(import.meta, `./oci/${name}.ts`);
  }
  const { didYouMean, show } = await later<typeof import("../runtime/words.ts")>(
    import.meta,
    "../runtime/words.ts",
  );
  throw new UsageError(`oci has no command ${show(name)}${didYouMean(name, OCI_COMMANDS)}`);
}

async function printVersions(): Promise<void> {
  const [{ VERSION }, { OCI_VERSION }] = await Promise.all([
    later<typeof import("./version.ts")>(import.meta, "./version.ts"),
    later<typeof import("../runtime/oci/container.ts")>(
      import.meta,
      "../runtime/oci/container.ts",
    ),
  ]);
  print(`tiffin version ${VERSION}\nspec: ${OCI_VERSION}\n`);
}

// An engine waits for each of its commands, so its launcher starts this module itself.
if (import.meta.main) Deno.exit(await alone(Deno.args));

async function alone(args: string[]): Promise<number> {
  try {
    const code = await oci(args, { root: "" });
    await tidyCache();
    return code;
  } catch (error) {
    if (!(error instanceof HelpWanted)) throw error;
    const { main } = await later<typeof import("./main.ts")>(import.meta, "./main.ts");
    return await main(["oci", "--help"]);
  }
}
