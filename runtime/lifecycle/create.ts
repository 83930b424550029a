/**
 * A container made and not started: its directory, its record, its name.
 *
 * @module
 */

import { type ContainerInfo, inspectContainer } from "../containers.ts";
import type { ContainerRequest } from "../container_request.ts";
import { releaseName, takeAnyName, takeName } from "../names.ts";
import { prepare, type Prepared } from "../prepare.ts";
import {
  claimFile,
  claimsDirectory,
  clearLeftovers,
  containersDirectory,
  newId,
  writeRecord,
} from "../records.ts";
import { removeDirectory } from "../remove_directory.ts";

/**
 * Gives a request an id, and a name that is its own from here on.
 *
 * @throws {NameInUseError} where another container has the name that was asked for
 */
export function named(request: ContainerRequest): ContainerRequest & { id: string; name: string } {
  const { dataRoot, id = newId(), name } = request;
  if (name !== undefined) takeName(dataRoot, name, id);
  return { ...request, id, name: name ?? takeAnyName(dataRoot, id) };
}

/**
 * Makes a container that can be started later.
 *
 * @throws what {@linkcode prepare} throws; nothing is left then
 */
export async function createContainer(request: ContainerRequest): Promise<ContainerInfo> {
  const { dataRoot } = request;
  await clearLeftovers(dataRoot);
  const own = named({ ...request, keep: request.keep ?? true });
  try {
    const prepared = await prepare(own);
    await make(prepared);
    return inspectContainer(dataRoot, own.id)!;
  } catch (error) {
    releaseName(dataRoot, own.name, own.id);
    throw error;
  }
}

/** Makes a container's place. Until it is whole, the claim on it says whose fault it would be. */
async function make({ dataRoot, directory, record, draft }: Prepared): Promise<void> {
  const { claim, directories } = draft.request;
  for (const each of [containersDirectory(dataRoot), claimsDirectory(dataRoot)]) {
    Deno.mkdirSync(each, { recursive: true, mode: 0o700 });
  }
  Deno.writeTextFileSync(claim!.path, claim!.content, { createNew: true, mode: 0o600 });
  try {
    for (const { path, mode, shared = false } of directories) {
      // what is bound from the host is made by the start, as Docker does it
      if (path.startsWith(directory)) Deno.mkdirSync(path, { mode, recursive: shared });
    }
    writeRecord(directory, record);
  } catch (error) {
    await removeDirectory(directory);
    throw error;
  } finally {
    Deno.removeSync(claimFile(dataRoot, record.id));
  }
}
