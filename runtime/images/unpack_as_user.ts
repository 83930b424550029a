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
import type { ImageLayer, ImageStore } from "./store.ts";
import type { UnpackResult } from "./unpack.ts";
import { type Job, JOB_VARIABLE, type JobResult } from "./unpack_job.ts";

/** What the second Deno needs of the environment: where its modules are cached. */
const ENVIRONMENT = ["HOME", "PATH", "DENO_DIR", "XDG_CACHE_HOME"];

/**
 * Unpacks a layer with the owners that it names, as far as the user's subordinate ids go.
 *
 * @throws {Error} what unpacking it found wrong
 */
export async function unpackAsUser(
  store: ImageStore,
  layer: Pick<ImageLayer, "descriptor" | "diffId">,
): Promise<UnpackResult> {
  const identity = hostIdentity();
  await store.prepare();
  using scratch = Scratch.make(store.root, "job");
  const answer = `${scratch.path}/answer`;
  const { descriptor, diffId } = layer;
  const job: Job = {
    root: store.root,
    layer: { descriptor, diffId },
    owners: identity.hasRange ? "keep" : "ignore",
    answer,
  };
  const worker = new URL("./unpack_worker.ts", import.meta.url);
  const program = worker.protocol === "file:" ? worker.pathname : worker.href;
  const env = ENVIRONMENT.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  const argv = [Deno.execPath(), "run", "-A", "--no-check", program];
  const status = await runInUserNamespace(identity, argv, [
    ...env,
    `${JOB_VARIABLE}=${JSON.stringify(job)}`,
  ]);
  const { done, failed } = readAnswer(answer);
  if (done) return done;
  throw new Error(failed ?? `unpacking in a user namespace ended with wait status ${status}`);
}

function readAnswer(path: string): JobResult {
  try {
    return JSON.parse(Deno.readTextFileSync(path));
  } catch {
    return {};
  }
}
