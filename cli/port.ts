/**
 * `port`: the host's ports that lead into a container.
 *
 * @module
 */

import { show } from "../runtime/words.ts";
import type { PublishedPort } from "../runtime/network/state.ts";
import { parseFlags, UsageError } from "./flags/grammar.ts";
import type { Context } from "./main.ts";
import { print } from "./output.ts";
import type { Help } from "./usage.ts";

/** The help of `port`. */
export const help: Help = {
  usage: "port CONTAINER [PORT[/PROTOCOL]]",
  summary: "list the host's ports that lead into a container",
  examples: [
    { command: "port web", does: "all: 80/tcp -> 0.0.0.0:8080" },
    { command: "port web 80", does: "where its port 80 is to be reached: 0.0.0.0:8080" },
  ],
};

/** Lists the ports. */
export async function port(args: string[], { root }: Context): Promise<number> {
  const { operands } = parseFlags(args, {});
  const [name, wanted, ...more] = operands;
  if (name === undefined || more.length > 0) {
    throw new UsageError("port needs one container, as in: port web 80/tcp");
  }
  const one = wanted === undefined ? undefined : readPort(wanted);
  const [{ findContainer }, { readState }, { StateError }] = await Promise.all([
    import("../runtime/containers.ts"),
    import("../runtime/network/state.ts"),
    import("../runtime/lifecycle/state_error.ts"),
  ]);
  const { id, process } = await findContainer(root, name);
  if (!process) throw new StateError(`${name} is not running: only then do ports lead into it`);
  const ports = readState(root).members.find((member) => member.id === id)?.ports ?? [];
  const found = ports.filter(({ container, protocol }) =>
    !one || (container === one.container && protocol === one.protocol)
  ).toSorted((a, b) => a.container - b.container || (a.protocol < b.protocol ? -1 : 1));
  if (one && found.length === 0) {
    throw new StateError(`no port of the host's leads to ${wanted} of ${name}`);
  }
  const line = (each: PublishedPort) =>
    one ? `${address(each)}\n` : `${each.container}/${each.protocol} -> ${address(each)}\n`;
  print(found.map(line).join(""));
  return 0;
}

function address({ ip = "0.0.0.0", host }: PublishedPort): string {
  return `${ip.includes(":") ? `[${ip}]` : ip}:${host}`;
}

function readPort(text: string): { container: number; protocol: string } {
  const [, number, protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  if (number !== undefined && Number(number) <= 65535) {
    return { container: Number(number), protocol };
  }
  throw new UsageError(`${show(text)} is no port: write 80 or 53/udp`);
}
