/**
 * A container's own part of its network: addresses and routes, set by the child itself.
 *
 * It is in its new network namespace then, and still has every right in it. The cable is put in
 * from outside, so first it waits until it is told that it is there.
 *
 * @module
 */

import type { Program } from "../../ffi/program.ts";
import { ask, openNetlink, PROTOCOL } from "../../ffi/netlink.ts";
import { addAddress, addDefaultRoute, ADDRESS_INDEX, setUp } from "../../ffi/rtnetlink.ts";
import { addressOf } from "./addresses.ts";

/** What is set in the container. */
export interface InsidePlan {
  /** the interfaces */
  devices: {
    /** its name */
    name: string;
    /** its addresses, and how many bits of them are the subnet's */
    addresses: { address: string; length: number }[];
  }[];
  /** the hosts that know the way to everywhere */
  gateways: string[];
}

/** Writes down how the addresses and routes are set. */
export function setUpInside(program: Program, { devices, gateways }: InsidePlan): void {
  const netlink = openNetlink(program, PROTOCOL.ROUTE, "to speak with the kernel of interfaces");
  for (const { name, addresses } of devices) {
    const from = program.call(`which number has ${name} in here?`, { name: "index" })
      .if_nametoindex(name);
    for (const { address, length } of addresses) {
      const message = addAddress(addressOf(address), length, name);
      const why = "the container's own address: frames from another are dropped outside";
      ask(program, netlink, message, why, { from, at: ADDRESS_INDEX });
    }
    ask(program, netlink, setUp(name), "an interface is made switched off");
  }
  for (const gateway of gateways) {
    const message = addDefaultRoute(addressOf(gateway));
    ask(program, netlink, message, "whatever is not in the subnet goes to the host");
  }
  program.call("no more of that").close(netlink);
}
