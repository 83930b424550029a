/**
 * Bundles for tests, run by this engine and by runc: what the process sees is compared.
 *
 * @module
 */

import { offthread } from "../../ffi/libc.ts";
import { draft, launch } from "../../runtime/birth/launch.ts";
import { type BundleStart, planBundle, readBundle } from "../../runtime/bundle.ts";
import { removeCgroup } from "../../runtime/cgroups/lifecycle.ts";
import { examine } from "../../runtime/diagnosis.ts";
import { readWaitStatus } from "../../runtime/processes.ts";
import type { Spec } from "../../runtime/spec.ts";
import { makeRootfs } from "./birth/trial.ts";

/** The programs that a bundle's root has. */
const PROGRAMS = ["sh", "cat", "ls", "id", "hostname", "stat", "grep", "readlink", "mkdir", "head"]
  .concat(
    "uname",
    "sleep",
    "env",
    "tr",
    "cut",
    "sort",
    "awk",
    "chrt",
    "touch",
    "wc",
    "sed",
    "true",
  );

/** A spec that tests may write into: everything is there that they change. */
export type Config = Spec & {
  process: NonNullable<Spec["process"]>;
  mounts: NonNullable<Spec["mounts"]>;
  linux: NonNullable<Spec["linux"]> & {
    namespaces: NonNullable<NonNullable<Spec["linux"]>["namespaces"]>;
  };
};

/** A bundle on the disk. */
export interface TestBundle {
  /** its directory */
  path: string;
  /** its root file system */
  rootfs: string;
  /** writes config.json, with this script as the program: what it prints is what a run gives */
  write(script: string, change?: (config: Config) => void | Promise<void>): Promise<void>;
}

/** How a run of a bundle ended, and what its script printed. */
export interface Outcome {
  /** the exit code, or 125 where it was not started */
  code: number;
  /** what the script printed */
  output: string;
  /** why it was not started */
  error: string;
}

/** Makes a bundle below a directory of the test's own. */
export async function makeBundle(directory: string): Promise<TestBundle> {
  const path = `${directory}/bundle`;
  await Deno.mkdir(path, { recursive: true });
  const rootfs = await makeRootfs(`${path}/rootfs`, PROGRAMS);
  const write: TestBundle["write"] = async (script, change) => {
    const config = baseConfig(script);
    await change?.(config);
    await Deno.writeTextFile(`${path}/config.json`, JSON.stringify(config));
  };
  return { path, rootfs, write };
}

function baseConfig(script: string): Config {
  return {
    ociVersion: "1.0.2",
    root: { path: "rootfs" },
    hostname: "box",
    process: {
      args: ["/bin/sh", "-c", `{ ${script}\n} >/tmp/output 2>&1`],
      cwd: "/",
      env: ["PATH=/bin", "WORD=a b"],
      user: { uid: 0, gid: 0 },
      noNewPrivileges: true,
    },
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      {
        destination: "/dev",
        type: "tmpfs",
        source: "tmpfs",
        options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
      },
      {
        destination: "/sys",
        type: "sysfs",
        source: "sysfs",
        options: ["nosuid", "noexec", "nodev", "ro"],
      },
    ],
    linux: {
      namespaces: (["pid", "mount", "uts", "ipc", "network"] as const).map((type) => ({ type })),
    },
  };
}

/** A name that no other test has, for a container and its control group. */
export function uniqueId(): string {
  return `tiffin-test-${crypto.randomUUID().slice(0, 8)}`;
}

/** Runs a bundle with this engine. */
export async function runOurs(
  bundle: TestBundle,
  start: Partial<BundleStart> = {},
): Promise<Outcome> {
  const id = uniqueId();
  const state = await Deno.makeTempDir({ dir: bundle.path, prefix: "state-" });
  try {
    const { request, writer, cgroup } = await planBundle(readBundle(bundle.path), {
      id,
      cache: state,
      claim: { path: `${state}/claim`, content: "" },
      processFile: `${state}/process`,
      hasInput: false,
      dieWithParent: true,
      ...start,
    });
    try {
      const { pid } = await launch(draft(request, writer), examine);
      const status = new Uint8Array(4);
      await offthread.waitpid(pid, status, 0);
      const { code } = readWaitStatus(new DataView(status.buffer).getInt32(0, true));
      return { code, output: await takeOutput(bundle), error: "" };
    } finally {
      if (cgroup) await removeCgroup(cgroup.record);
    }
  } catch (error) {
    return { code: 125, output: await takeOutput(bundle), error: (error as Error).message };
  } finally {
    await Deno.remove(state, { recursive: true });
  }
}

/** Runs a bundle with runc. */
export async function runRunc(bundle: TestBundle): Promise<Outcome> {
  const state = await Deno.makeTempDir({ dir: bundle.path, prefix: "runc-" });
  const { code, stderr } = await new Deno.Command("runc", {
    args: ["--root", state, "run", "--bundle", bundle.path, uniqueId()],
    stdin: "null",
  }).output();
  await Deno.remove(state, { recursive: true });
  const error = new TextDecoder().decode(stderr);
  return { code, output: await takeOutput(bundle), error };
}

async function takeOutput({ rootfs }: TestBundle): Promise<string> {
  const path = `${rootfs}/tmp/output`;
  try {
    const text = await Deno.readTextFile(path);
    await Deno.remove(path);
    return text;
  } catch {
    return "";
  }
}
