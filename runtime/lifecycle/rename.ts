/**
 * Another name for a container.
 *
 * @module
 */

import { lockContainer } from "../container_lock.ts";
import { findContainer } from "../containers.ts";
import { releaseName, takeName } from "../names.ts";
import { writeRecord } from "../records.ts";

/**
 * Gives a container another name. Whenever this is cut short, it has one of the two.
 *
 * @throws {NameInUseError} where another container has it
 */
export async function renameContainer(dataRoot: string, name: string, to: string): Promise<void> {
  const { id } = await findContainer(dataRoot, name);
  using _lock = await lockContainer(dataRoot, id);
  const { directory, record } = await findContainer(dataRoot, id);
  if (record.name === to) return;
  takeName(dataRoot, to, id);
  try {
    writeRecord(directory, { ...record, name: to, request: { ...record.request, name: to } });
  } catch (error) {
    releaseName(dataRoot, to, id);
    throw error;
  }
  if (record.name !== undefined) releaseName(dataRoot, record.name, id);
}
