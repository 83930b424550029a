/**
 * The error of a layer that is not unpacked.
 *
 * @module
 */

/** A layer that was refused: it is damaged, or it asks for what no layer may have. */
export class LayerError extends Error {
  /** The class's name, for messages. */
  override name = "LayerError";
  /** The name of the entry that is wrong, where it is one. */
  readonly entry?: string;
  /** The limit that it goes beyond, where it is one that may be raised. */
  readonly limit?: "bytes" | "entries";

  /**
   * Names the layer, and says what is wrong with it.
   *
   * @param digest the digest of the layer's blob
   * @param problem what is wrong
   * @param more the entry that is wrong, or the limit
   */
  constructor(
    readonly digest: string,
    readonly problem: string,
    more: Pick<LayerError, "entry" | "limit"> = {},
  ) {
    super(`layer ${digest.slice(0, "sha256:".length + 12)}: ${problem}`);
    this.entry = more.entry;
    this.limit = more.limit;
  }
}
