/**
 * So many at a time: who comes when all turns are taken waits for the next that ends.
 *
 * @module
 */

/** A number of turns. */
export class Turns {
  readonly #waiting: (() => void)[] = [];

  /**
   * All turns free.
   *
   * @param free how many there are
   */
  constructor(private free: number) {}

  /**
   * Waits for a turn; disposing of it gives it to the next.
   *
   * @throws the signal's reason, if it has fired when the turn comes
   */
  async take(signal?: AbortSignal): Promise<Disposable> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const turn = { [Symbol.dispose]: () => this.#pass() };
    if (!signal?.aborted) return turn;
    this.#pass();
    throw signal.reason;
  }

  #pass(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.free++;
  }
}
