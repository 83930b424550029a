/**
 * A pull or a push on the screen: a bar for each layer on a terminal, a line for each event elsewhere.
 *
 * @module
 */

import type { LayerState, PullEvent } from "../runtime/images/pull.ts";
import type { PushEvent, PushState } from "../runtime/images/push.ts";
import { formatSize } from "./amounts.ts";
import { isScreen, printError } from "./output.ts";
import { cut, screenSize } from "./table.ts";

/** What a pull or a push tells. */
export type TransferEvent = PullEvent | PushEvent;

/** Shows a pull or a push. */
export interface PullDisplay {
  /** Shows one event. */
  show(event: TransferEvent): void;
  /** Takes away what is of no use when it is over. */
  close(): void;
}

/** Where it is shown. */
export interface Screen {
  /** Whether it obeys escape sequences. */
  isTerminal(): boolean;
  /** Writes all of the text. */
  write(text: string): void;
  /** Its size, where it is a terminal. */
  size(): { columns: number; rows: number };
}

/** The standard error, where what is not the command's result goes. */
export const standardError: Screen = {
  isTerminal: () => isScreen(Deno.stderr),
  write: printError,
  size: screenSize,
};

/** A display that suits the screen. */
export function pullDisplay(screen: Screen): PullDisplay {
  return screen.isTerminal() ? new Bars(screen) : new Lines(screen);
}

/** What a layer's state is called. */
const WORDS: Record<LayerState | PushState, string> = {
  exists: "already here",
  waiting: "waiting for another pull",
  downloading: "downloading",
  verifying: "verifying",
  unpacking: "unpacking",
  done: "done",
  looking: "looking for it there",
  uploading: "uploading",
  there: "already there",
  mounted: "there in another repository",
  pushed: "pushed",
};

/** The states in which bytes are under way. */
const MOVING: unknown[] = ["downloading", "uploading"];
/** The states that are the end. */
const OVER: unknown[] = ["done", "exists", "there", "mounted", "pushed"];

/** How much of a digest is shown: as much as Docker shows. */
const DIGITS = 12;

function shortDigest(digest: string): string {
  return digest.slice("sha256:".length, "sha256:".length + DIGITS);
}

function resolvedLine({ name, layers }: TransferEvent & { kind: "resolved" }): string {
  const size = formatSize(layers.reduce((sum, layer) => sum + layer.size, 0));
  return `${name}: ${layers.length} layer${layers.length === 1 ? "" : "s"}, ${size}`;
}

function retryLine(event: TransferEvent & { kind: "retry" }): string {
  const { reason, pause } = event;
  const isPassedOn = "next" in event && event.next !== undefined;
  return isPassedOn
    ? `${reason}; asking ${event.next} instead`
    : `${reason}; trying again in ${pause / 1000} s`;
}

/** A line for each change of a layer's state. */
class Lines implements PullDisplay {
  readonly #states = new Map<string, LayerState | PushState>();

  constructor(private readonly screen: Screen) {}

  show(event: TransferEvent): void {
    if (event.kind === "resolved") this.screen.write(`${resolvedLine(event)}\n`);
    else if (event.kind === "retry") this.screen.write(`${retryLine(event)}\n`);
    else {
      const { digest, state, total } = event;
      if (this.#states.get(digest) === state) return;
      this.#states.set(digest, state);
      const size = MOVING.includes(state) ? ` ${formatSize(total)}` : "";
      this.screen.write(`${shortDigest(digest)}: ${WORDS[state]}${size}\n`);
    }
  }

  close(): void {}
}

/** What a bar shows; a layer whose turn has not come has no state. */
type Layer = Omit<TransferEvent & { kind: "layer" }, "kind" | "state"> & {
  state?: LayerState | PushState;
};

/** A bar is drawn again at most this often, in milliseconds. */
const INTERVAL = 50;

/** The columns of a bar's line beside the bar: digest, state, amounts and the gaps between. */
const BESIDE = DIGITS + 2 + WORDS.downloading.length + 2 + 2 + "999.9MB of 999.9MB".length + 1;

/** A line with a bar for each layer, drawn over each other again and again. */
class Bars implements PullDisplay {
  readonly #layers = new Map<string, Layer>();
  #title = "";
  /** How many lines stand above the cursor that are to be drawn over. */
  #drawn = 0;
  #last = -Infinity;
  #timer?: ReturnType<typeof setTimeout>;

  constructor(private readonly screen: Screen) {}

  show(event: TransferEvent): void {
    if (event.kind === "retry") return this.#insert(retryLine(event));
    if (event.kind === "resolved") {
      this.#title = resolvedLine(event);
      for (const { digest, size } of event.layers) {
        this.#layers.set(digest, { digest, received: 0, total: size });
      }
    } else {
      const isNews = this.#layers.get(event.digest)?.state !== event.state;
      this.#layers.set(event.digest, event);
      if (!isNews) return this.#drawSoon();
    }
    this.#draw();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.screen.write(this.#erase());
    this.#drawn = 0;
  }

  /** Puts a line above the bars, where it stays. */
  #insert(line: string): void {
    this.screen.write(`${this.#erase()}${line}\n`);
    this.#drawn = 0;
    this.#draw();
  }

  #erase(): string {
    return this.#drawn > 0 ? `\x1b[${this.#drawn}A\r\x1b[J` : "";
  }

  /** Draws at once, or when the last drawing is old enough: the last piece before a stall counts. */
  #drawSoon(): void {
    const pause = this.#last + INTERVAL - performance.now();
    if (pause <= 0) return this.#draw();
    this.#timer ??= setTimeout(() => this.#draw(), pause);
  }

  #draw(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { columns, rows } = this.screen.size();
    // A line of the terminal's full width would wrap, and the count of lines be wrong.
    const lines = this.#lines(rows - 1).map((line) => cut(line.text(columns - 1), columns - 1));
    this.screen.write(`${this.#erase()}${lines.map((line) => `${line}\n`).join("")}`);
    this.#drawn = lines.length;
    this.#last = performance.now();
  }

  /** The title and the layers; those that something happens to, where there is not room for all. */
  #lines(room: number): { text(columns: number): string }[] {
    const all = [...this.#layers.values()];
    const bars = (layers: typeof all) =>
      layers.map((layer) => ({ text: (columns: number) => bar(layer, columns) }));
    if (all.length < room) return [{ text: () => this.#title }, ...bars(all)];
    const over = all.filter(({ state }) => OVER.includes(state)).length;
    const active = all.filter(({ state }) => isActive(state));
    const title = `${this.#title}, ${over} done`;
    return [{ text: () => title }, ...bars(active.slice(0, Math.max(room - 1, 0)))];
  }
}

function isActive(state: Layer["state"]): boolean {
  return MOVING.includes(state) || state === "verifying" || state === "unpacking";
}

/** `0a1b2c3d4e5f  downloading  [=====>     ]  1.2MB of 3.4MB` */
function bar({ digest, state, received, total }: Layer, columns: number): string {
  const head = `${shortDigest(digest)}  `;
  if (state === undefined) return `${head}queued`;
  if (!MOVING.includes(state)) return head + WORDS[state];
  const amounts = `${formatSize(received)} of ${formatSize(total)}`;
  const room = Math.min(columns - BESIDE - 2, 40);
  if (room < 5) return `${head}${amounts}`;
  const full = Math.floor(room * Math.min(received / Math.max(total, 1), 1));
  const done = full < room ? "=".repeat(full) + ">" : "=".repeat(full);
  return `${head}${WORDS[state]}  [${done.padEnd(room)}]  ${amounts}`;
}
