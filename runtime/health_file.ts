/**
 * What a container's health check has found: a word in a file of the container's directory.
 *
 * @module
 */

/** How a container with a health check is, in Docker's words. */
export type Health = "starting" | "healthy" | "unhealthy";

/** Where it stands. */
export function healthFile(directory: string): string {
  return `${directory}/health`;
}

/** How a container is; `undefined` for one without a health check. */
export function readHealth(directory: string): Health | undefined {
  try {
    return Deno.readTextFileSync(healthFile(directory)).trim() as Health;
  } catch {
    return undefined;
  }
}

/** Writes it down, in one piece. */
export function writeHealth(directory: string, health: Health): void {
  const path = healthFile(directory);
  Deno.writeTextFileSync(`${path}.new`, `${health}\n`);
  Deno.renameSync(`${path}.new`, path);
}

/** Whether a container can be sent work: it is healthy, or nobody has asked. */
export function isReady(directory: string): boolean {
  const health = readHealth(directory);
  return health === undefined || health === "healthy";
}
