/**
 * Waiting for a name server that the keeper is just starting.
 *
 * @module
 */

/** How long it may take, in milliseconds: a Deno has to start. */
const PATIENCE = 10_000;
/** How long is waited between two tries, in milliseconds. */
const PAUSE = 5;

/**
 * Waits until a name server takes connections.
 *
 * @throws {Error} where none has come in time
 */
export async function waitForServer(hostname: string): Promise<void> {
  for (const deadline = Date.now() + PATIENCE;;) {
    try {
      (await Deno.connect({ hostname, port: 53 })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      if (Date.now() > deadline) {
        throw new Error(
          `${hostname} port 53: no name server answers there; tiffin keeper would be it`,
        );
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
