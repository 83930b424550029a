/**
 * What a lesson needs of the machine: looked at before anything is begun, and said with the command
 * that would help.
 *
 * @module
 */

import { readCgroupHost } from "../runtime/cgroups/host.ts";
import { readHostFile } from "../runtime/host_files.ts";
import type { Text } from "./lesson.ts";
import { findKernel } from "./kernel.ts";

/** Something that a lesson cannot do without. */
export type Need =
  /** the user is root */
  | "root"
  /** namespaces can be made: by root, or by an ordinary user inside a user namespace */
  | "namespaces"
  /** ranges of user ids in /etc/subuid and /etc/subgid; root has all ids anyway */
  | "subordinate ids"
  /** the library that compiles system call filters */
  | "libseccomp"
  /** control groups with this controller that the user may make groups in */
  | { controller: "cpu" | "io" | "memory" | "pids" }
  /** QEMU, and a kernel that it can start */
  | "virtual machine"
  /** a program, and the Debian package that has it */
  | { program: string; package: string };

/** A need that this machine does not meet. */
export interface Lack {
  /** what is missing */
  what: Text;
  /** what to type to have it; the same in every language */
  fix: string;
}

/** Those of the needs that are not met. */
export function lacks(needs: readonly Need[]): Lack[] {
  return needs.flatMap((need) => lack(need) ?? []);
}

const isRoot = () => Deno.uid() === 0;

function lack(need: Need): Lack | undefined {
  if (typeof need === "object") {
    return "program" in need ? lackOfProgram(need) : lackOfController(need.controller);
  }
  switch (need) {
    case "root":
      return isRoot() ? undefined : {
        what: { en: "this lesson needs root", zh: "本课需要 root 权限" },
        fix: 'sudo env "PATH=$PATH" deno run -A mod.ts lesson',
      };
    case "namespaces":
      return isRoot() ? undefined : lackOfUserNamespaces();
    case "subordinate ids":
      return isRoot() ? undefined : lackOfSubordinateIds();
    case "virtual machine":
      return lackOfMachine();
    case "libseccomp":
      return lackOfLibrary("libseccomp.so.2", "libseccomp2");
  }
}

/** The switches that forbid an ordinary user a namespace: Debian's, the kernel's own, Ubuntu's. */
function lackOfUserNamespaces(): Lack | undefined {
  const switches = [
    ["kernel.unprivileged_userns_clone", "0", "1"],
    ["user.max_user_namespaces", "0", "15000"],
    ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
  ];
  for (const [name, bad, good] of switches) {
    if (readHostFile(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim() !== bad) continue;
    return {
      what: {
        en: `this machine forbids ordinary users their own namespaces: ${name} is ${bad}`,
        zh: `本机不允许普通用户创建命名空间：${name} 为 ${bad}`,
      },
      fix: `sudo sysctl ${name}=${good}`,
    };
  }
}

function lackOfSubordinateIds(): Lack | undefined {
  const program = lackOfProgram({ program: "newuidmap", package: "uidmap" });
  if (program) return program;
  const uid = String(Deno.uid());
  const names = [uid, Deno.env.get("USER") ?? ""];
  const isThere = ["/etc/subuid", "/etc/subgid"].every((file) =>
    (readHostFile(file) ?? "").split("\n").some((line) => names.includes(line.split(":")[0]))
  );
  return isThere ? undefined : {
    what: {
      en: "this user has no further user ids in /etc/subuid and /etc/subgid",
      zh: "当前用户在 /etc/subuid 和 /etc/subgid 中没有附属 ID",
    },
    fix: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"',
  };
}

function lackOfController(name: string): Lack | undefined {
  const { v1, v2 } = readCgroupHost();
  const tree = v1.get(name === "io" ? "blkio" : name) ??
    (v2?.controllers.includes(name) ? v2 : undefined);
  if (tree?.writable && isRoot()) return undefined;
  if (!tree) {
    return {
      what: {
        en: `this kernel offers no ${name} controller for control groups`,
        zh: `内核没有提供 ${name} 控制器`,
      },
      fix: name === "memory"
        ? "boot with cgroup_enable=memory (kernel command line)"
        : "see the last lines of man 7 cgroups, and the kernel's configuration",
    };
  }
  return {
    what: {
      en: `control groups with the ${name} controller cannot be made by this user`,
      zh: `当前用户无法创建带 ${name} 控制器的控制组`,
    },
    fix: 'sudo env "PATH=$PATH" deno run -A mod.ts lesson',
  };
}

function lackOfMachine(): Lack | undefined {
  if (Deno.build.arch !== "x86_64") {
    return {
      what: {
        en: "the lesson's virtual machine is an x86-64, and this processor is none",
        zh: "本课的虚拟机是 x86-64，而本机的处理器不是",
      },
      fix: "an x86-64 machine",
    };
  }
  const program = lackOfProgram({ program: "qemu-system-x86_64", package: "qemu-system-x86" });
  if (program) return program;
  return findKernel() ? undefined : {
    what: { en: "there is no kernel that could be started", zh: "没有可以启动的内核" },
    fix: "tests/guest/kernel   (or: sudo apt install linux-image-cloud-amd64)",
  };
}

function lackOfProgram({ program, package: name }: { program: string; package: string }) {
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin:/sbin`;
  const isThere = path.split(":").some((directory) => isFile(`${directory}/${program}`));
  return isThere ? undefined : {
    what: { en: `the program ${program} is missing`, zh: `缺少程序 ${program}` },
    fix: `sudo apt install ${name}`,
  };
}

function lackOfLibrary(library: string, name: string): Lack | undefined {
  try {
    Deno.dlopen(library, {}).close();
    return undefined;
  } catch {
    return {
      what: { en: `the library ${library} is missing`, zh: `缺少库 ${library}` },
      fix: `sudo apt install ${name}`,
    };
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
