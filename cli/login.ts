/**
 * `login`: the credentials for a registry, kept where Docker keeps them.
 *
 * @module
 */

import { type FlagTable, parseFlags, UsageError, wrongFlag } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print, printError } from "./output.ts";
import type { Help } from "./usage.ts";

const FLAGS = {
  username: { short: "u", value: "NAME", help: "who logs in; asked for otherwise" },
  password: { short: "p", value: "TEXT", help: "the password; --password-stdin is safer" },
  "password-stdin": { help: "read the password from the standard input" },
} as const satisfies FlagTable;

/** The help of `login`. */
export const help: Help = {
  usage: "login [FLAGS] [REGISTRY]",
  summary: "keep a name and a password for a registry",
  about: [
    "Without a registry it is Docker Hub. The registry is asked first whether it takes them. They " +
    "are kept in ~/.docker/config.json, or by the credential helper that this file names, for " +
    "Docker and Podman too.",
  ],
  flags: { Flags: FLAGS },
  examples: [
    { command: "login quay.io", does: "asks for the name and the password" },
    {
      command: "login -u me --password-stdin 127.0.0.1:5000 <token",
      does: "the password from a file, which no process list shows",
    },
  ],
};

/** Logs in. */
export async function login(args: string[], _context: Context): Promise<number> {
  const { flags, operands } = parseFlags(args, FLAGS);
  if (operands.length > 1) throw new UsageError("login takes one registry");
  const fromInput = flags["password-stdin"] ?? false;
  if (fromInput && flags.password !== undefined) {
    throw wrongFlag("--password and --password-stdin: give one of them");
  }
  if (fromInput && !flags.username) throw wrongFlag("--password-stdin needs --username");
  const registry = await hostOf(operands[0]);
  const [{ checkLogin }, { keepCredentials }] = await Promise.all([
    import("../runtime/images/login.ts"),
    import("../runtime/images/credential_store.ts"),
  ]);
  const username = flags.username ?? await askName(registry);
  if (username === "" || username.includes(":")) {
    throw new UsageError("a user's name is not empty, and has no colon");
  }
  const password = fromInput ? await inputLine() : flags.password ?? await askPassword();
  if (password === "") throw new UsageError("the password is empty");
  if (flags.password !== undefined) {
    printError("the process list shows a password in --password: --password-stdin keeps it away\n");
  }
  await checkLogin(registry, { username, password });
  const { helper, path } = await keepCredentials(registry, { username, password });
  if (helper === undefined) {
    printError(
      `the password is in ${path}, not encrypted: a credential helper ("credsStore" there) is safer\n`,
    );
  }
  print("Login Succeeded\n");
  return 0;
}

/** The registry as the names of its images have it. */
export async function hostOf(typed = "docker.io"): Promise<string> {
  const host = typed.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
  const { parseReference } = await import("../runtime/images/reference.ts");
  const { registry, repository } = parseReference(`${host}/image`);
  if (repository === "image" || registry === "docker.io" && /^(index\.)?docker\.io$/.test(host)) {
    return registry;
  }
  throw new UsageError(
    `${typed} is no registry's host: it has neither a dot nor a port, and is not localhost`,
  );
}

async function askName(registry: string): Promise<string> {
  needTerminal("--username");
  const { ask } = await import("./ask.ts");
  return await ask(`name at ${registry}: `);
}

async function askPassword(): Promise<string> {
  needTerminal("--password-stdin");
  const { askSecret } = await import("./ask.ts");
  return await askSecret("password: ");
}

function needTerminal(flag: string): void {
  if (Deno.stdin.isTerminal()) return;
  throw new UsageError(`there is no terminal to ask at: give ${flag}`);
}

/** All of the standard input, without the newline at its end. */
async function inputLine(): Promise<string> {
  return (await new Response(Deno.stdin.readable).text()).replace(/\r?\n$/, "");
}
