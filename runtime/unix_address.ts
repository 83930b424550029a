/**
 * The address of a Unix socket that has a path, unix(7).
 *
 * @module
 */

import { AF } from "../ffi/constants.ts";

/** The longest path that fits into a `sockaddr_un` with its NUL, unix(7). */
const LONGEST_PATH = 107;

/** `struct sockaddr_un`. @throws {Error} for a path that does not fit into one */
export function unixAddress(path: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(path);
  if (bytes.length > LONGEST_PATH) {
    throw new Error(
      `a socket's path has at most ${LONGEST_PATH} bytes, and this has ${bytes.length}`,
    );
  }
  const address = new Uint8Array(2 + bytes.length + 1);
  new DataView(address.buffer).setUint16(0, AF.UNIX, true);
  address.set(bytes, 2);
  return address;
}
