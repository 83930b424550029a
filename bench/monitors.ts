/**
 * What other runtimes leave beside each container: podman's conmon, containerd's shim.
 *
 * @module
 */

import { pss } from "./pss.ts";

/** What was measured of one kind. */
export interface Measured {
  /** what it is */
  name: string;
  /** bytes of one, when there was no other */
  alone: number;
  /** bytes of each, when there were all */
  all: number[];
}

/** conmon over runc, as podman starts it, with its log in a file. */
export async function* conmons(
  directory: string,
  rootfs: string,
  count: number,
): AsyncGenerator<Measured> {
  if (!await installed("conmon") || !await installed("runc")) return;
  const bundle = `${directory}/bundle-conmon`;
  await Deno.mkdir(bundle);
  await run(["runc", "spec"], bundle);
  const config = JSON.parse(await Deno.readTextFile(`${bundle}/config.json`));
  config.process.terminal = false;
  config.process.args = ["sleep", "infinity"];
  config.root.path = rootfs;
  await Deno.writeTextFile(`${bundle}/config.json`, JSON.stringify(config));
  const pids: number[] = [];
  let alone = 0;
  try {
    for (let i = 0; i < count; i++) {
      pids.push(await conmon(directory, bundle, `bench-conmon-${i}`));
      if (i === 0) alone = pss(pids[0]);
    }
    yield { name: "conmon", alone, all: pids.map(pss) };
  } finally {
    for (let i = 0; i < pids.length; i++) {
      const root = ["--root", `${directory}/conmon-runc`];
      await run(["runc", ...root, "delete", "--force", `bench-conmon-${i}`]);
    }
  }
}

/** Starts a container under conmon. @returns conmon's process */
async function conmon(directory: string, bundle: string, name: string): Promise<number> {
  const file = `${directory}/${name}`;
  const root = ["--runtime-arg", "--root", "--runtime-arg", `${directory}/conmon-runc`];
  await run([
    ...["conmon", "--api-version", "1", "-c", name, "-u", name, "-n", name],
    ...["-r", "/usr/sbin/runc", ...root, "-b", bundle, "-p", `${file}.pid`],
    ...["--conmon-pidfile", `${file}.conmon`, "-l", `k8s-file:${file}.log`],
    ...["--exit-dir", directory, "--full-attach"],
  ]);
  // it goes on by itself, and has runc create the container
  await written(`${file}.pid`, `${file}.log`);
  await run(["runc", "--root", `${directory}/conmon-runc`, "start", name]);
  return Number(await Deno.readTextFile(`${file}.conmon`));
}

/** containerd's shim as it is before it has a container: it takes more then. */
export async function* shims(directory: string, count: number): AsyncGenerator<Measured> {
  const shim = "containerd-shim-runc-v2";
  if (!await installed(shim)) return;
  const pids: number[] = [];
  const logs: Deno.FsFile[] = [];
  let alone = 0;
  try {
    for (let i = 0; i < count; i++) {
      const place = `${directory}/shim-${i}`;
      await Deno.mkdir(place);
      await Deno.writeTextFile(`${place}/config.json`, `{"ociVersion":"1.0.2","annotations":{}}`);
      // containerd reads its log from a pipe; without a reader it ends
      await run(["mkfifo", `${place}/log`]);
      logs.push(await Deno.open(`${place}/log`, { read: true, write: true }));
      const names = ["-namespace", "bench", "-id", `bench-${i}`, "-publish-binary", "/bin/true"];
      await run([shim, ...names, "-address", `${directory}/containerd.sock`, "start"], place);
      pids.push(processWith(`-id\0bench-${i}\0`));
      const address = await Deno.readTextFile(`${place}/address`);
      await Deno.remove(address.replace("unix://", ""));
      if (i === 0) alone = pss(pids[0]);
    }
    yield { name: `${shim}, before it has a container`, alone, all: pids.map(pss) };
  } finally {
    for (const pid of pids) Deno.kill(pid, "SIGKILL");
    for (const log of logs) log.close();
  }
}

/** The process that has some words in its command line. */
function processWith(words: string): number {
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(words)) return Number(name);
    } catch {
      // it has ended since
    }
  }
  throw new Error(`no process has ${JSON.stringify(words)} in its command line`);
}

/** Waits for a file that has something in it. */
async function written(path: string, log: string): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if ((await Deno.readTextFile(path).catch(() => "")) !== "") return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`${path} was not written: ${await Deno.readTextFile(log).catch(() => "")}`);
}

async function installed(program: string): Promise<boolean> {
  const look = new Deno.Command("sh", { args: ["-c", `command -v ${program}`] });
  return (await look.output()).success;
}

async function run([program, ...args]: string[], cwd?: string): Promise<void> {
  // nothing is read from it: what it leaves running keeps its streams open
  const command = new Deno.Command(program, { args, cwd, stdout: "null", stderr: "null" });
  const { success, code } = await command.spawn().status;
  if (!success) throw new Error(`${program} ${args.join(" ")}: exit code ${code}`);
}
