/**
 * A container made: its directory, its record, its name; and started at once, or not.
 *
 * @module
 */

import { startDetached } from "../container.ts";
import { type ContainerInfo, inspectContainer } from "../containers.ts";
import type { ContainerRequest } from "../container_request.ts";
import { releaseName, takeAnyName, takeName } from "../names.ts";
import { prepare, type Prepared } from "../prepare.ts";
import {
  claimsDirectory,
  clearLeftovers,
  containersDirectory,
  newId,
  writeRecord,
} from "../records.ts";
import { removeDirectory, removeFile } from "../remove_directory.ts";
import { detachOf } from "./afterwards.ts";
import { watchHealth } from "./watch_health.ts";

/**
 * Works out a container that has a name of its own from here on.
 *
 * @throws {NameInUseError} where another container has the name that was asked for
 * @throws what {@linkcode prepare} throws; the name is free again then
 */
export async function prepareNamed(request: ContainerRequest): Promise<Prepared> {
  const { dataRoot, id = newId() } = request;
  if (request.name !== undefined) takeName(dataRoot, request.name, id);
  const name = request.name ?? takeAnyName(dataRoot, id);
  try {
    return await prepare({ ...request, id, name });
  } catch (error) {
    releaseName(dataRoot, name, id);
    throw error;
  }
}

/** Makes a container that can be started later. @throws as {@linkcode prepareNamed} */
export async function createContainer(request: ContainerRequest): Promise<ContainerInfo> {
  const { dataRoot } = request;
  await clearLeftovers(dataRoot);
  const prepared = await prepareNamed({ ...request, keep: true });
  const { id, name } = prepared.record;
  try {
    await make(prepared);
    return inspectContainer(dataRoot, id)!;
  } catch (error) {
    releaseName(dataRoot, name!, id);
    throw error;
  }
}

/**
 * Makes a container and starts it apart from this process.
 *
 * @throws {StartError} after everything is undone, and as {@linkcode prepareNamed}
 */
export async function runDetached(
  request: ContainerRequest,
): Promise<{ id: string; warning?: string }> {
  const { dataRoot, id = newId() } = request;
  const detach = detachOf(request, dataRoot, id);
  const prepared = await prepareNamed({ ...request, id, detach });
  await startDetached(prepared);
  watchHealth(dataRoot, id, request);
  return { id, warning: prepared.warning };
}

/** Makes a container's place. Until it is whole, the claim on it says whose fault it would be. */
async function make({ dataRoot, directory, record, draft }: Prepared): Promise<void> {
  const { claim, directories } = draft.request;
  for (const each of [containersDirectory(dataRoot), claimsDirectory(dataRoot)]) {
    Deno.mkdirSync(each, { recursive: true, mode: 0o700 });
  }
  try {
    Deno.writeTextFileSync(claim!.path, claim!.content, { createNew: true, mode: 0o600 });
    for (const { path, mode, shared = false } of directories) {
      // what is bound from the host is made by the start, as Docker does it
      if (path.startsWith(directory)) Deno.mkdirSync(path, { mode, recursive: shared });
    }
    writeRecord(directory, record);
  } catch (error) {
    // what cannot be removed either is the next command's: the claim on it stays
    await removeDirectory(directory).then(() => removeFile(claim!.path)).catch(() => {});
    throw error;
  }
  removeFile(claim!.path);
}
