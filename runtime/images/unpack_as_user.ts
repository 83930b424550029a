/**
 * Unpacking for an ordinary user: by a second Deno, which is root of a user namespace.
 *
 * The files of an image belong to many users; only root of a namespace that maps them can give
 * them their owners. Deno cannot enter a user namespace once it runs, because it has several
 * threads (user_namespaces(7)), so another one is started inside.
 *
 * @module
 */

import { hostIdentity } from "../rootless.ts";
import { runInUserNamespace } from "../user_namespace.ts";
import { Scratch } from "./scratch.ts";
import { ImageStore } from "./store.ts";
import {
  describeFailure,
  type Job,
  JOB_VARIABLE,
  type JobResult,
  type UserJob,
} from "./unpack_job.ts";

/** What the second Deno needs of the environment: where its modules are cached. */
const ENVIRONMENT = ["HOME", "PATH", "DENO_DIR", "XDG_CACHE_HOME"];

/**
 * Unpacks a layer with the owners that it names, as far as the user's subordinate ids go.
 *
 * @param signal stops it when it fires
 */
export async function unpackAsUser(given: Job, signal?: AbortSignal): Promise<JobResult> {
  const identity = hostIdentity();
  await new ImageStore(given.root).prepare();
  using scratch = Scratch.make(given.root, "job");
  const answer = `${scratch.path}/answer`;
  // With a single mapped id, every file is the user's own. In the namespace the program is root,
  // but overlayfs there still wants user.* attributes.
  const owners = identity.hasRange ? "keep" : "ignore";
  const job: UserJob = {
    ...given,
    options: { ...given.options, owners, userxattr: true },
    answer,
  };
  const worker = new URL("./unpack_worker.ts", import.meta.url);
  const program = worker.protocol === "file:" ? worker.pathname : worker.href;
  const env = denoEnvironment();
  const argv = [Deno.execPath(), "run", "-A", "--no-check", program];
  const variable = `${JOB_VARIABLE}=${JSON.stringify(job)}`;
  const status = await runInUserNamespace(identity, argv, [...env, variable], signal);
  return readAnswer(answer) ??
    {
      failed: describeFailure(
        new Error(`unpacking in a user namespace ended with wait status ${status}`),
      ),
    };
}

/** What a second Deno needs of this one's environment, as execve(2) takes it. */
export function denoEnvironment(): string[] {
  return ENVIRONMENT.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
}

function readAnswer(path: string): JobResult | undefined {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return undefined;
  }
}
