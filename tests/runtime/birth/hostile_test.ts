/**
 * Images that lay traps: links where the runtime is about to make, write and mount things. Whatever
 * becomes of the container, nothing of the host's may change.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { attempt } from "../../../ffi/libc.ts";
import { StartError } from "../../../runtime/diagnosis.ts";
import { DEFAULT_MASKED_PATHS, DEFAULT_READONLY_PATHS } from "../../../runtime/image_config.ts";
import type { Mount } from "../../../runtime/spec.ts";
import { differences, hostSnapshot } from "../../helpers/host.ts";
import { needs } from "../../helpers/needs.ts";
import { tempRoot } from "../../helpers/temp_root.ts";
import { BUSYBOX, makeRootfs, MOUNTS, start, type Trial } from "./trial.ts";

/** A file of the host's that the links lead to, and what it says before and after. */
const PRECIOUS = "precious";

interface Trap {
  name: string;
  /** lays links and files in the image; `outside` is a directory of the host's */
  lay: (rootfs: string, outside: string) => Promise<void>;
  /** what the container is asked for beside the usual */
  mounts?: Mount[];
  trial?: Trial;
  /** the start has to fail, and to say this */
  fails?: string;
}

async function link(target: string, path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch(() => {});
  await Deno.symlink(target, path);
}

const UP = "../../../../../../../..";
/** `SOURCE` is a directory of the test's own, which the container may write to. */
const HOSTS: Mount = { destination: "/etc/hosts", type: "bind", source: "SOURCE/hosts" };
const VOLUME: Mount = { destination: "/volume", type: "bind", source: "SOURCE" };
const PTS: Mount = { destination: "/dev/pts", type: "devpts", source: "devpts" };

const TRAPS: Trap[] = [
  {
    name: "proc is the root",
    lay: (rootfs) => link("/", `${rootfs}/proc`),
    fails: "/proc in the image is a symbolic link to /",
  },
  {
    name: "proc is a directory of the host's",
    lay: (rootfs, outside) => link(UP + outside, `${rootfs}/proc`),
    fails: "/proc in the image is a symbolic link to",
  },
  {
    name: "sys is proc",
    lay: (rootfs) => link("/proc", `${rootfs}/sys`),
    mounts: [{ destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] }],
    fails: "/sys in the image is a symbolic link to /proc",
  },
  { name: "dev is etc", lay: (rootfs) => link("/etc", `${rootfs}/dev`) },
  {
    name: "dev is a directory of the host's",
    lay: (rootfs, outside) => link(UP + outside, `${rootfs}/dev`),
  },
  { name: "dev is proc", lay: (rootfs) => link("/proc", `${rootfs}/dev`) },
  {
    name: "dev is what a descriptor leads to",
    lay: (rootfs) => link("/proc/self/fd/0", `${rootfs}/dev`),
  },
  {
    name: "dev is where the parent is",
    lay: (rootfs) => link("/proc/1/root", `${rootfs}/dev`),
  },
  {
    name: "etc is a directory of the host's, and hosts are bound in it",
    lay: (rootfs, outside) => link(UP + outside, `${rootfs}/etc`),
    mounts: [HOSTS],
  },
  {
    name: "etc is the root above all, and hosts are bound in it",
    lay: (rootfs) => link(UP, `${rootfs}/etc`),
    mounts: [HOSTS],
  },
  {
    name: "hosts is a file of the host's",
    lay: (rootfs, outside) => link(`${outside}/file`, `${rootfs}/etc/hosts`),
    mounts: [HOSTS],
  },
  {
    name: "hosts is in what is bound from the host",
    lay: (rootfs) => link("/proc/self/fd/4/../file", `${rootfs}/etc/hosts`),
    mounts: [VOLUME, HOSTS],
  },
  {
    name: "the place of a volume leads out through the volume's own descriptor",
    lay: (rootfs) => link("/proc/self/fd/4/..", `${rootfs}/srv`),
    mounts: [VOLUME, { destination: "/srv/made/by/us", type: "tmpfs", source: "tmpfs" }],
  },
  {
    name: "the terminals are a directory of the host's",
    lay: async (rootfs, outside) => {
      await Deno.mkdir(`${rootfs}/dev`, { recursive: true });
      await link(UP + outside, `${rootfs}/dev/pts`);
    },
    mounts: [PTS],
    trial: { process: { terminal: true } },
  },
  {
    name: "the console is a file of the host's",
    lay: (rootfs, outside) => link(`${outside}/file`, `${rootfs}/dev/console`),
    trial: { process: { terminal: true } },
    mounts: [PTS],
  },
  {
    name: "the working directory is a directory of the host's",
    lay: (rootfs, outside) => link(UP + outside, `${rootfs}/work`),
    trial: { process: { cwd: "/work/inside/deep" } },
  },
  {
    name: "the working directory is a descriptor",
    lay: () => Promise.resolve(),
    trial: { process: { cwd: "/proc/self/fd/3" } },
    fails: "chdir(",
  },
  {
    name: "the working directory is a descriptor of the host's tree",
    lay: () => Promise.resolve(),
    trial: { process: { cwd: "/proc/self/fd/5" } },
    mounts: [VOLUME],
    fails: "/proc/self/fd/5",
  },
  {
    name: "what is masked and read-only is a directory of the host's",
    lay: async (rootfs, outside) => {
      await link(UP + outside, `${rootfs}/secret`);
      await link(`${outside}/file`, `${rootfs}/secret-file`);
    },
    trial: {
      linux: {
        namespaces: [{ type: "mount" }, { type: "pid" }, { type: "network" }, { type: "ipc" }],
        maskedPaths: [...DEFAULT_MASKED_PATHS, "/secret", "/secret-file"],
        readonlyPaths: [...DEFAULT_READONLY_PATHS, "/secret"],
      },
    },
  },
];

Deno.test({
  ...needs("a hostile image changes nothing outside of it", { root: true, files: [BUSYBOX] }),
  async fn(context) {
    await using root = await tempRoot();
    const outside = `${root.path}/outside`;
    await Deno.mkdir(outside);
    await Deno.writeTextFile(`${outside}/file`, PRECIOUS);
    for (const [i, { name, lay, mounts = [], trial, fails }] of TRAPS.entries()) {
      await context.step(name, async () => {
        const rootfs = await makeRootfs(`${root.path}/${i}`);
        await lay(rootfs, outside);
        const source = await makeSource(`${root.path}/source-${i}`);
        const before = look(outside);
        const wanted = [...MOUNTS, ...mounts].map((mount) => from(source, mount));
        const message = await tryToRun(rootfs, { spec: { mounts: wanted }, ...trial });
        if (fails) assertStringIncludes(message, fails);
        assertEquals(differences(before, look(outside)).filter(isOurs), []);
        assertEquals(await Deno.readTextFile(`${outside}/file`), PRECIOUS);
      });
    }
  },
});

/** What a container is given of the host's. */
async function makeSource(path: string): Promise<string> {
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/hosts`, "127.0.0.1 localhost\n");
  return path;
}

function from(source: string, mount: Mount): Mount {
  return { ...mount, source: mount.source?.replace("SOURCE", source) };
}

/** Runs a container that tries to write to what it sees at the places of the traps. */
async function tryToRun(rootfs: string, trial: Trial): Promise<string> {
  const script = "for f in /etc /etc/hosts /dev /dev/pts /srv /work /secret; do " +
    "echo written >$f/written; echo written >$f; mkdir $f/made; done 2>/tmp/errors; exec /bin/busybox sleep 60";
  try {
    const { pid, terminal } = await start(rootfs, { args: ["/bin/sh", "-c", script], ...trial });
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (terminal !== undefined) attempt.close(terminal);
    attempt.kill(pid, 9);
    attempt.waitpid(pid, null, 0);
    return "it has started";
  } catch (error) {
    if (error instanceof StartError) return error.message;
    throw error;
  }
}

/** The host, and beside the directory of the links' targets the directories that `..` leads to. */
function look(outside: string) {
  const names = (path: string) =>
    [...Deno.readDirSync(path)].map((entry) => `${path}${entry.name}`);
  const snapshot = hostSnapshot(outside);
  return { ...snapshot, files: [...snapshot.files, ...names("/"), ...names("/etc/")].sort() };
}

/** Other tests may have control groups, network devices and processes of their own. */
function isOurs(line: string): boolean {
  return /^(mounts|files):/.test(line);
}

Deno.test({
  ...needs("a link that leads into the image is followed, as Docker does", {
    root: true,
    files: [BUSYBOX],
  }),
  async fn() {
    await using root = await tempRoot();
    const rootfs = await makeRootfs(`${root.path}/rootfs`);
    const source = await makeSource(`${root.path}/source`);
    await Deno.mkdir(`${rootfs}/run`);
    await Deno.writeTextFile(`${rootfs}/run/hosts`, "the image's own\n");
    await link("../run/hosts", `${rootfs}/etc/hosts`);
    const { pid } = await start(rootfs, {
      args: ["/bin/sh", "-c", "cat /run/hosts >/tmp/seen; exec sleep 60"],
      spec: { mounts: [...MOUNTS, from(source, HOSTS)] },
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    attempt.kill(pid, 9);
    attempt.waitpid(pid, null, 0);
    const seen = await Deno.readTextFile(`${rootfs}/tmp/seen`);
    assertEquals(seen, "127.0.0.1 localhost\n");
    assertEquals(await Deno.readTextFile(`${rootfs}/run/hosts`), "the image's own\n");
  },
});
