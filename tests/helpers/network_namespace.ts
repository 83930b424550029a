/**
 * A network of a test's own: the machine's interfaces, routes and firewall are left alone.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import { libc } from "../../ffi/libc.ts";

/** Gives the objects that `ip -json` prints for some words. */
// deno-lint-ignore no-explicit-any -- what ip prints has another form for each of its commands
export type Ip = (...words: string[]) => Promise<any>;

/**
 * Calls `test` on a thread that has moved into a new network namespace, whose loopback is up.
 *
 * Only this thread moves (unshare(2)); the programs that it starts are born where it is.
 */
export async function inNetworkNamespace(test: (ip: Ip) => Promise<void> | void): Promise<void> {
  const home = libc.open("/proc/thread-self/ns/net", O.RDONLY | O.CLOEXEC, 0);
  try {
    libc.unshare(CLONE.NEWNET);
    await ip("link", "set", "lo", "up");
    await test(ip);
  } finally {
    libc.setns(home, CLONE.NEWNET);
    libc.close(home);
  }
}

const ip: Ip = async (...words) => {
  const output = await command("ip", "-json", ...words);
  return output === "" ? [] : JSON.parse(output);
};

/** What a program prints. @throws {Error} with what it said, if it fails */
export async function command(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args }).output();
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} ${args.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}
