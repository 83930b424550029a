/**
 * Which kind of network a container gets: a place in bridges, another container's, or what an
 * ordinary user can have; and what there is of it for the container's birth.
 *
 * @module
 */

import type { Program, Weave } from "../../ffi/program.ts";
import type { NetworkLines } from "../host_files.ts";
import { later } from "../later.ts";
import { findNft } from "./host.ts";
import { setUpInside } from "./inside.ts";
import { networkLines } from "./lines.ts";
import type { Who } from "./place.ts";
import {
  claimNetwork,
  type Connection,
  connection,
  insidePlan,
  type NetworkPlan,
  planNetwork,
} from "./plan.ts";
import { NetworkError, type NetworkRequest } from "./request.ts";

/** The network's part of a birth. */
export interface NetworkPart {
  /** writes down the child's own calls, once the cables are there */
  setUp(program: Program): void;
  /** writes down the parent's calls; the pid is not known before there is a child */
  connect(pid: number | "PID", weave?: Weave): Promise<Connection>;
}

/** A container's network, worked out. */
export interface ContainerNetwork {
  /** what is done for it at the birth */
  part?: NetworkPart;
  /** what its /etc/hosts and /etc/resolv.conf say of it */
  lines?: NetworkLines;
  /** the namespace that it is in, if that is another container's */
  joins?: `/${string}`;
  /** the name that it has in it then */
  hostname?: string;
  /** why there is less than is usual, for somebody to be told */
  warning?: string;
  /** takes addresses and ports; gives another one, where somebody was quicker */
  claim?(): Promise<ContainerNetwork>;
}

/** For whom, and on what a host. */
export interface Seeker extends Who {
  /** what the container calls itself, with spaces between */
  names: string;
  /** whether root of the host starts it */
  isRoot: boolean;
  /** /proc/self/status of the process that starts it */
  status: string;
}

/**
 * Works out a container's network; nothing is touched.
 *
 * @param asked what was asked for; unless given, it is the default one, or none if that cannot be
 * @throws {NetworkError} for what was asked for and cannot be
 */
export async function chooseNetwork(
  asked: NetworkRequest | undefined,
  seeker: Seeker,
): Promise<ContainerNetwork> {
  if (asked?.shares !== undefined) {
    const { shareNetwork } = await later<typeof import("./share.ts")>(import.meta, "./share.ts");
    return await shareNetwork(seeker.dataRoot, asked.shares);
  }
  const isAsked = asked?.networks !== undefined || asked?.publish !== undefined ||
    asked?.publishAll === true || asked?.service !== undefined;
  try {
    return seeker.isRoot
      ? await joinBridges(asked ?? {}, seeker)
      : await joinAsUser(asked ?? {}, seeker);
  } catch (error) {
    if (isAsked || !(error instanceof NetworkError)) throw error;
    return { warning: `the container has no network but loopback: ${error.message}` };
  }
}

async function joinBridges(asked: NetworkRequest, seeker: Seeker): Promise<ContainerNetwork> {
  if (!mayChangeNetworks(seeker.status)) {
    throw new NetworkError("this process lacks CAP_NET_ADMIN, without which there is no bridge");
  }
  const nft = findNft();
  if (nft === undefined) {
    throw new NetworkError(
      "nft, which makes the rules of bridges, is not installed (on Debian: apt install nftables)",
    );
  }
  return bridged(await planNetwork(seeker, asked, nft), seeker.names);
}

const CAP_NET_ADMIN = 12n;

function mayChangeNetworks(status: string): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${effective}`) >> CAP_NET_ADMIN & 1n) === 1n;
}

function bridged(plan: NetworkPlan, names: string): ContainerNetwork {
  const inside = insidePlan(plan.place);
  const network: ContainerNetwork = {
    part: {
      setUp: (program) => setUpInside(program, inside),
      connect: (pid, weave) => connection(plan, pid, weave),
    },
    lines: networkLines(plan.request, plan.place, names),
    claim: async () => {
      const claimed = await claimNetwork(plan);
      return claimed === plan ? network : bridged(claimed, names);
    },
  };
  return network;
}

async function joinAsUser(asked: NetworkRequest, seeker: Seeker): Promise<ContainerNetwork> {
  const { userNetwork } = await later<typeof import("./user_mode.ts")>(
    import.meta,
    "./user_mode.ts",
  );
  return await userNetwork(asked, seeker);
}
