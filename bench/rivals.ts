/**
 * The same container start as other runtimes do it: runc, crun, podman.
 *
 * Each gets the root file system that Tiffin runs, the namespaces that Tiffin makes, and a state
 * directory of its own below the bench's temporary directory.
 *
 * @module
 */

import type { Contestant } from "./measure.ts";

/**
 * The rivals that are installed, ready to run `true` in a copy of the root file system.
 *
 * @param directory Where their state and bundles go.
 * @param rootfs The unpacked tree.
 */
export async function rivals(directory: string, rootfs: string): Promise<Contestant[]> {
  const found: Contestant[] = [];
  if (await installed("runc")) found.push(await runc(directory, rootfs));
  if (await installed("crun")) found.push(await crun(directory, rootfs));
  if (await installed("podman")) found.push(await podman(directory, rootfs));
  return found;
}

async function runc(directory: string, rootfs: string): Promise<Contestant> {
  const bundle = await ociBundle(directory, rootfs, "runc");
  const command = ["runc", "--root", `${directory}/runc`, "run", "--bundle", bundle, "bench-runc"];
  return { name: "runc run", command };
}

async function crun(directory: string, rootfs: string): Promise<Contestant> {
  const bundle = await ociBundle(directory, rootfs, "crun");
  const root = ["--root", `${directory}/crun`, "--cgroup-manager=cgroupfs"];
  return { name: "crun run", command: ["crun", ...root, "run", "--bundle", bundle, "bench-crun"] };
}

/** What `runc spec` writes, without a terminal and with a cgroup namespace, for `true`. */
export async function ociBundle(
  directory: string,
  rootfs: string,
  name: string,
): Promise<string> {
  const bundle = `${directory}/bundle-${name}`;
  await Deno.mkdir(bundle);
  await run([name, "spec"], bundle);
  const config = JSON.parse(await Deno.readTextFile(`${bundle}/config.json`));
  config.process.terminal = false;
  config.process.args = ["true"];
  config.root.path = rootfs;
  const namespaces: { type: string }[] = config.linux.namespaces;
  if (!namespaces.some(({ type }) => type === "cgroup")) namespaces.push({ type: "cgroup" });
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(config));
  return bundle;
}

async function podman(directory: string, rootfs: string): Promise<Contestant> {
  const own = ["--root", `${directory}/podman`, "--runroot", `${directory}/podman-run`];
  const podman = ["podman", ...own, "--cgroup-manager=cgroupfs", "--events-backend=none"];
  await run(["tar", "-C", rootfs, "-cf", `${directory}/rootfs.tar`, "."]);
  await run([...podman, "import", `${directory}/rootfs.tar`, "bench"]);
  // Its default limits are higher than a host without CAP_SYS_RESOURCE lets it set.
  const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
  const command = [...podman, "run", "--rm", "--network", "none", ...limits, "bench", "true"];
  return { name: "podman run --rm", command };
}

async function installed(program: string): Promise<boolean> {
  const look = new Deno.Command("sh", { args: ["-c", `command -v ${program}`] });
  return (await look.output()).success;
}

async function run([program, ...args]: string[], cwd?: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, cwd }).output();
  if (success) return;
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
