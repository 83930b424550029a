/**
 * What cannot be done to a container in the state that it is in.
 *
 * @module
 */

/** A container is not in the state that something needs; the message names both. */
export class StateError extends Error {
  /** always `"StateError"` */
  override name = "StateError";
}
