/**
 * Watching a pull or a push: nothing is loaded or drawn before there is one, and Ctrl-C leaves a clean screen.
 *
 * @module
 */

import type { PullDisplay, TransferEvent } from "./progress.ts";

/** A pull that was stopped by a signal. There is nothing to say to who stopped it. */
export class Interrupted extends Error {
  /** The class's name, for messages. */
  override name = "Interrupted";
  /** 128 and the signal's number. */
  readonly exitCode: number;

  /**
   * Remembers which signal it was.
   *
   * @param signal its number
   */
  constructor(signal: number) {
    super("");
    this.exitCode = 128 + signal;
  }
}

/** The signals that stop a pull. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * Shows the pull that it is told of, on the standard error, and stops it at Ctrl-C.
 *
 * ```ts ignore
 * await using watch = new PullWatch();
 * await pull(store, reference, { onEvent: watch.onEvent, signal: watch.signal });
 * ```
 */
export class PullWatch implements AsyncDisposable {
  readonly #stop = new AbortController();
  #display?: Promise<PullDisplay>;
  readonly #listeners: [Deno.Signal, () => void][] = [];

  /**
   * Listens for Ctrl-C from here on.
   *
   * @param quiet shows nothing
   */
  constructor(private readonly quiet = false) {
    for (const [signal, number] of Object.entries(SIGNALS) as [Deno.Signal, number][]) {
      const listener = () => {
        // Who asks again does not want to wait until everything is tidy.
        if (this.signal.aborted) Deno.exit(128 + number);
        this.#stop.abort(new Interrupted(number));
      };
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** Give it to the pull: it fires at Ctrl-C. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Give it to the pull: it shows what happens. */
  readonly onEvent = (event: TransferEvent): void => {
    if (this.quiet) return;
    this.#display ??= openDisplay();
    // A pull does not fail because nobody watches it.
    this.#display.then((display) => display.show(event)).catch(() => {});
  };

  /** Takes the bars off the screen; the next event draws new ones. */
  async clear(): Promise<void> {
    const display = await this.#display;
    this.#display = undefined;
    display?.close();
  }

  /** Takes the bars off the screen, and leaves signals to others again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const listeners = this.#listeners.splice(0);
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    await this.clear();
  }
}

async function openDisplay(): Promise<PullDisplay> {
  const { pullDisplay, standardError } = await import("./progress.ts");
  return pullDisplay(standardError);
}
