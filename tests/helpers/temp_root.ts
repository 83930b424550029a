/**
 * A data root of a test's own, gone when the test ends.
 *
 * @module
 */

// a test's containers have no network unless the test asks for one: the machine's is left alone
Deno.env.set("TIFFIN_NETWORK", "none");

/** A temporary directory; `await using` removes it. */
export interface TempRoot extends AsyncDisposable {
  /** Its absolute path. */
  path: string;
}

/**
 * Make an empty directory below `TMPDIR` or /tmp that is removed when it goes out of scope.
 *
 * @throws On disposal, if something is still mounted below it: the test has leaked a mount. The
 * directory is left as it is then, because removing it would reach through the mount.
 */
export async function tempRoot(): Promise<TempRoot> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "tiffin-test-" }));
  return { path, [Symbol.asyncDispose]: () => remove(path) };
}

async function remove(path: string): Promise<void> {
  const mounts = await mountsBelow(path);
  if (mounts.length > 0) {
    throw new Error(`still mounted: ${mounts.join(", ")}: the test has left a mount behind`);
  }
  const remover = ["rm", "-rf", "--one-file-system", "--", path];
  const first = await run(remover);
  if (first.success) return;
  // Files that belong to an ordinary user's subordinate ids can be removed only by the root of a
  // user namespace that maps them.
  const second = await run(["unshare", "--map-root-user", "--map-auto", ...remover]);
  if (!second.success) throw new Error(`${remover.join(" ")}: ${text(first.stderr)}`);
}

async function mountsBelow(path: string): Promise<string[]> {
  const lines = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n");
  return lines.map((line) => line.split(" ")[4] ?? "")
    .filter((point) => point === path || point.startsWith(`${path}/`));
}

function run([program, ...args]: string[]): Promise<Deno.CommandOutput> {
  return new Deno.Command(program, { args }).output();
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim();
}
