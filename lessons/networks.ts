/**
 * Network namespaces for lessons: a host, the world outside it, and empty ones to be wired up. The
 * machine's own network stays as it is.
 *
 * ```text
 *   boxes    host ── wan 192.0.2.1/24 ═══ 192.0.2.2 ── world
 * ```
 *
 * @module
 */

import { CLONE } from "../ffi/constants.ts";
import { bringUpLoopback } from "../runtime/birth/namespaces.ts";
import { enter, makeChild } from "./children.ts";
import type { Workshop } from "./workshop.ts";

/** Network namespaces, each by a process that is held in it. */
export interface Town {
  /** the process in the host's */
  host: number;
  /** the process in the one outside */
  world: number;
  /** makes an empty one; what comes back is the process in it */
  box(): Promise<number>;
}

/** Makes a host and a world outside it. */
export async function makeTown(workshop: Workshop): Promise<Town> {
  const box = async () => {
    const { pid } = await makeChild(workshop, { flags: CLONE.NEWNET }, bringUpLoopback);
    return pid;
  };
  const [host, world] = [await box(), await box()];
  const { code, output } = await workshop.run([
    "sh",
    "-ec",
    `
    ${enter(host, "net")} ip link add wan type veth peer name in netns ${world}
    ${enter(host, "net")} ip address add 192.0.2.1/24 dev wan
    ${enter(host, "net")} ip link set wan up
    ${enter(world, "net")} ip address add 192.0.2.2/24 dev in
    ${enter(world, "net")} ip link set in up`,
  ]);
  if (code !== 0) throw new Error(`ip: ${output}`);
  return { host, world, box };
}

/** Writes a program into the scratch directory that runs another one in a process's network. */
export function writeDoor(workshop: Workshop, name: string, pid: number): void {
  const script = `#!/bin/sh\nexec ${enter(pid, "net")} "$@"\n`;
  Deno.writeTextFileSync(`${workshop.scratch}/${name}`, script, { mode: 0o755 });
}
