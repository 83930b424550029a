/**
 * A second Deno, root of a user namespace: it does for an ordinary user what takes many users.
 *
 * The files of an image belong to many users; only root of a namespace that maps them can give
 * them their owners, and read them again. Deno cannot enter a user namespace once it runs, because
 * it has several threads (user_namespaces(7)), so another one is started inside.
 *
 * @module
 */

import type { Identity } from "../rootless.ts";
import { runInUserNamespace } from "../user_namespace.ts";

/** What the second Deno needs of the environment: where its modules are cached. */
const ENVIRONMENT = ["HOME", "PATH", "DENO_DIR", "XDG_CACHE_HOME"];

/** Which program is run, and what it is told. */
export interface SecondDeno {
  /** the program's module */
  module: URL;
  /** the variable of its environment that holds the job */
  variable: string;
  /** the job, in a form that can be JSON; `answer` is the file that it writes its own JSON to */
  job: { answer: string };
  /** asks it to end, by SIGTERM, when it fires */
  signal?: AbortSignal;
}

/**
 * Runs a program to its end.
 *
 * @returns what it has answered
 * @throws {Error} if it ended without an answer; the signal's reason, where that is why
 */
export async function askSecondDeno<Answer>(
  identity: Identity,
  { module, variable, job, signal }: SecondDeno,
): Promise<Answer> {
  const argv = [Deno.execPath(), "run", "-A", "--no-check", module.href];
  const env = ENVIRONMENT.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  const task = `${variable}=${JSON.stringify(job)}`;
  const status = await runInUserNamespace(identity, argv, [...env, task], signal);
  try {
    return JSON.parse(Deno.readTextFileSync(job.answer));
  } catch {
    signal?.throwIfAborted();
    const name = module.pathname.slice(module.pathname.lastIndexOf("/") + 1);
    throw new Error(`${name} ended with wait status ${status} in a user namespace`);
  }
}
