/**
 * The namespaces of a container: which are new, which are joined, and what is set in them.
 *
 * @module
 */

import { AF, CLONE, IOCTL, O, SOCK } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import type { LinuxNamespace, LinuxNamespaceType, Spec } from "../spec.ts";

/** namespaces(7), in the words of the runtime specification. */
export const NAMESPACE_FLAGS: Record<LinuxNamespaceType, number> = {
  user: CLONE.NEWUSER,
  pid: CLONE.NEWPID,
  mount: CLONE.NEWNS,
  uts: CLONE.NEWUTS,
  ipc: CLONE.NEWIPC,
  network: CLONE.NEWNET,
  cgroup: CLONE.NEWCGROUP,
  time: CLONE.NEWTIME,
};

/** The namespace of a type that the spec asks for. */
export function namespaceOf(spec: Spec, type: LinuxNamespaceType): LinuxNamespace | undefined {
  return spec.linux?.namespaces?.find((namespace) => namespace.type === type);
}

/** Whether the spec asks for a new namespace of a type. */
export function hasNew(spec: Spec, type: LinuxNamespaceType): boolean {
  const namespace = namespaceOf(spec, type);
  return namespace !== undefined && !namespace.path;
}

/**
 * The CLONE flags for the container's first process.
 *
 * A new cgroup namespace is not among them: its root is the cgroup that its maker is in, and the
 * process is moved into its own only later (cgroup_namespaces(7)). Nor is one of time, whose clocks
 * are set while nobody is in it (clocks.ts).
 */
export function cloneFlags(spec: Spec): number {
  let flags = 0;
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (!path && type !== "cgroup" && type !== "time") flags |= NAMESPACE_FLAGS[type];
  }
  return flags;
}

/** Joins the namespaces that the spec names by path, setns(2). */
export function joinNamespaces(program: Program, spec: Spec): void {
  for (const { type, path } of spec.linux?.namespaces ?? []) {
    if (!path) continue;
    const fd = program.call(`the ${type} namespace that the container shares`, { name: type })
      .open(path, O.RDONLY | O.CLOEXEC, 0);
    program.call(`from here on the process is in that ${type} namespace`)
      .setns(fd, NAMESPACE_FLAGS[type]);
    program.call("being in it does not need the descriptor").close(fd);
  }
}

/** Sets the names of a new uts namespace. */
export function setNames(program: Program, { hostname, domainname }: Spec): void {
  if (hostname !== undefined) {
    program.call("the container's own name, in its own uts namespace")
      .sethostname(hostname, new TextEncoder().encode(hostname).length);
  }
  if (domainname !== undefined) {
    program.call("and its NIS domain's")
      .setdomainname(domainname, new TextEncoder().encode(domainname).length);
  }
}

const IFF_UP_RUNNING = 0x1 | 0x40;

/** Switches on the loopback interface: a new network namespace has it, but down. */
export function bringUpLoopback(program: Program): void {
  const socket = program.call("any socket will do to speak of interfaces, netdevice(7)", {
    name: "socket",
  }).socket(AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0);
  const ifreq = new Uint8Array(40);
  ifreq.set(new TextEncoder().encode("lo"));
  new DataView(ifreq.buffer).setInt16(16, IFF_UP_RUNNING, true);
  program.call("a new network namespace has a loopback interface that is down: 127.0.0.1 needs it")
    .ioctl(socket, IOCTL.SIOCSIFFLAGS, {
      bytes: ifreq,
      text: '{ifr_name="lo", ifr_flags=IFF_UP|IFF_RUNNING}',
    });
  program.call("the interface stays up").close(socket);
}

/**
 * Where a sysctl's file is below /proc/sys, by the rule of sysctl(8): the first separator tells
 * which one it is, and then the other one is a letter, as in `net/ipv4/conf/eth0.1/forwarding`.
 *
 * @param key the key in a spec, with dots or slashes
 */
export function sysctlPath(key: string): string {
  if (/[./]/.exec(key)?.[0] === "/") return key;
  return key.replace(/[./]/g, (separator) => separator === "." ? "/" : ".");
}
