/**
 * A container's birth that a lesson stops half-way: the very calls of `run`, made up to a point, and
 * a child that stands there to be looked at.
 *
 * @module
 */

import { SIG } from "../ffi/constants.ts";
import { start } from "../runtime/container.ts";
import { findImage } from "../runtime/images/find.ts";
import { type ContainerRequest, prepare } from "../runtime/prepare.ts";
import { type Audience, Quit, Stepper, type Stop } from "../runtime/stepping/stepper.ts";
import type { Workshop } from "./workshop.ts";

/** A call that was made. */
export interface Made {
  /** the call as strace(1) shows it, with its result */
  line: string;
  /** the heading that it stands below */
  phase: string;
  /** the function */
  name: string;
}

/** A birth that stands still. */
export interface HalfMade {
  /** the half-made container's process */
  readonly pid: number;
  /** the calls that were made so far */
  readonly made: readonly Made[];
  /** goes on to the next point */
  goOn(isThere: (stop: Stop) => boolean): Promise<void>;
  /** gives the container up; nothing of it is left */
  giveUp(): Promise<void>;
}

/**
 * Begins a container of the image `local`, without a network, and stops in front of a call.
 *
 * @param isThere whether this is the call
 * @throws {Error} where the birth fails, or ends before it gets there
 */
export async function beginBirth(
  workshop: Workshop,
  options: Partial<ContainerRequest["options"]>,
  isThere: (stop: Stop) => boolean,
): Promise<HalfMade> {
  const guide = new Guide(isThere);
  const stepper = new Stepper(guide);
  const prepared = await prepare({
    dataRoot: workshop.root,
    from: await findImage(workshop.root, "local"),
    hasInput: false,
    options: { network: "none", ...options },
  }, stepper);
  stepper.conduct(prepared);
  const ended = finish(prepared, stepper, guide);
  // whoever waits for it may come later than its end
  ended.catch(() => {});
  const giveUp = async () => {
    guide.giveUp();
    await ended.catch(() => {});
  };
  workshop.defer(giveUp);
  const arrive = async () => {
    const problem = await Promise.race([guide.arrived(), ended]);
    if (problem) throw problem;
  };
  await arrive();
  return {
    get pid() {
      return guide.pid;
    },
    made: guide.made,
    goOn: async (isThere) => {
      guide.goOn(isThere);
      await arrive();
    },
    giveUp,
  };
}

/** Starts it and waits for its end, whatever that is; a birth that was given up is no problem. */
async function finish(
  prepared: Parameters<typeof start>[0],
  stepper: Stepper,
  guide: Guide,
): Promise<Error> {
  try {
    const container = await start(prepared);
    await stepper.end().catch(() => {});
    guide.hasProgram(() => container.signal(SIG.KILL));
    await container.wait();
  } catch (error) {
    if (!(error instanceof Quit)) throw error;
  }
  return new Error("the container has ended before it was to be looked at");
}

/** Lets calls be made until one is there. */
class Guide implements Audience {
  readonly made: Made[] = [];
  pid = 0;
  private hasQuit = false;
  private release: () => void = () => {};
  private reach: () => void = () => {};
  private reached: Promise<void>;

  constructor(private isThere: (stop: Stop) => boolean) {
    this.reached = new Promise((resolve) => this.reach = resolve);
  }

  /** A lesson looks for itself, where it stops. */
  isCurious(): boolean {
    return false;
  }

  async before(stop: Stop): Promise<void> {
    this.pid = stop.pid ?? 0;
    if (!this.hasQuit && this.isThere(stop)) {
      const released = new Promise<void>((resolve) => this.release = resolve);
      this.reach();
      await released;
    }
    if (this.hasQuit) throw new Quit();
  }

  after({ program, step }: Stop, { outcome }: Parameters<Audience["after"]>[1]) {
    const result = outcome ? ` = ${outcome.errno ? -1 : outcome.result}` : "";
    const line = `${program.format(step, true)}${result}`;
    this.made.push({ line, phase: step.phase.title, name: step.name });
    return Promise.resolve();
  }

  /** The child has become its program: a place to look around, until that is killed. */
  hasProgram(kill: () => void): void {
    this.release = kill;
    this.reach();
  }

  async arrived(): Promise<undefined> {
    await this.reached;
    return undefined;
  }

  goOn(isThere: (stop: Stop) => boolean): void {
    this.isThere = isThere;
    this.reached = new Promise((resolve) => this.reach = resolve);
    this.release();
  }

  giveUp(): void {
    this.hasQuit = true;
    this.release();
  }
}
