/**
 * In which networks a container is, changed: in its record, and in its network if it runs.
 *
 * @module
 */

import { lockContainer } from "../container_lock.ts";
import { findContainer } from "../containers.ts";
import { writeRecord } from "../records.ts";
import { attach, detach } from "./attach.ts";
import { DEFAULT_NETWORK } from "./names.ts";
import { findNetwork } from "./networks.ts";
import { NetworkError, type NetworkRequest, type NetworkUse } from "./request.ts";
import { readState } from "./state.ts";

/**
 * Puts a container into a network.
 *
 * @param container its name, its id, or the beginning of that
 * @throws {NetworkError} for one that is in it already, or has no network of its own
 */
export async function connectContainer(
  dataRoot: string,
  container: string,
  use: NetworkUse,
): Promise<void> {
  await change(dataRoot, container, use.name, async (uses, name, running) => {
    if (uses.some((known) => known.name === name)) {
      throw new NetworkError(`${container} is in the network ${name} already`);
    }
    if (running) await attach(dataRoot, running, { ...use, name });
    return [...uses, { ...use, name }];
  });
}

/**
 * Takes a container out of a network.
 *
 * @throws {NetworkError} for one that is not in it
 */
export async function disconnectContainer(
  dataRoot: string,
  container: string,
  network: string,
): Promise<void> {
  await change(dataRoot, container, network, async (uses, name, running) => {
    const rest = uses.filter((known) => known.name !== name);
    if (rest.length === uses.length) {
      throw new NetworkError(`${container} is not in the network ${name}`);
    }
    if (running) await detach(dataRoot, running, name);
    return rest;
  });
}

type Running = Parameters<typeof attach>[1];

async function change(
  dataRoot: string,
  container: string,
  word: string,
  change: (uses: NetworkUse[], name: string, running?: Running) => Promise<NetworkUse[]>,
): Promise<void> {
  const { id } = await findContainer(dataRoot, container);
  using _lock = await lockContainer(dataRoot, id);
  const { record, directory, process } = await findContainer(dataRoot, id);
  const { network, options } = record.request;
  if (options.network !== undefined || network?.shares !== undefined) {
    throw new NetworkError(
      `${container} was started with --network ${
        options.network ?? `container:${network?.shares}`
      }` +
        ": it has no network of its own that could be changed",
    );
  }
  const { name } = findNetwork(readState(dataRoot), dataRoot, word);
  const running = process && { id, pid: process.pid, directory };
  const networks = await change(network?.networks ?? [{ name: DEFAULT_NETWORK }], name, running);
  const changed: NetworkRequest = { ...network, networks };
  writeRecord(directory, { ...record, request: { ...record.request, network: changed } });
}
