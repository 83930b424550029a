/**
 * A terminal for tests, with a command that runs in it: keys are typed, the screen is read, the
 * window changes its size, the line is hung up.
 *
 * The terminal is made of /dev/ptmx as every terminal emulator does it, pty(7).
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { IOCTL, O } from "../../ffi/constants.ts";
import { attempt, libc } from "../../ffi/libc.ts";
import { winsize } from "../../ffi/structs.ts";
import { host, until } from "./box.ts";

/** A command in a terminal of its own; `await using` hangs up. */
export class Pty implements AsyncDisposable {
  /** the terminal's path */
  readonly path: string;
  private readonly master: number;
  private readonly child: Deno.ChildProcess;
  private readonly decoder = new TextDecoder();
  private isOpen = true;
  private screen = "";

  /**
   * Starts it.
   *
   * @param command a program and its arguments
   * @param env variables beside this process's own
   */
  constructor(command: string[], env: Record<string, string> = {}) {
    this.master = libc.open("/dev/ptmx", O.RDWR | O.NOCTTY | O.CLOEXEC | O.NONBLOCK, 0);
    libc.ioctl(this.master, IOCTL.TIOCSPTLCK, new Uint8Array(4));
    const number = new Uint8Array(4);
    libc.ioctl(this.master, IOCTL.TIOCGPTN, number);
    this.path = `/dev/pts/${new DataView(number.buffer).getInt32(0, true)}`;
    this.resize(24, 80);
    const script = `exec setsid --ctty --wait "$@" <${this.path} >${this.path} 2>&1`;
    this.child = new Deno.Command("sh", {
      args: ["-c", script, "sh", ...command],
      env,
      stdin: "null",
    }).spawn();
  }

  /** Types; `\x03` is Ctrl-C. */
  async type(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) {
      const count = attempt.write(this.master, bytes.subarray(sent), bytes.length - sent);
      this.read();
      if (count > 0) sent += count;
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Waits for the screen to show what matches. @returns all that it showed since the last time */
  async see(pattern: RegExp): Promise<string> {
    await until(() => {
      this.read();
      return pattern.test(this.screen);
    }, () => `${pattern} at the end of ${JSON.stringify(this.screen.slice(-500))}`);
    const text = this.screen;
    this.screen = "";
    return text;
  }

  /** Types a command and waits for the prompt after what it prints. @returns what it prints */
  async command(line: string, prompt = /[#$] $/): Promise<string> {
    await this.type(`${line}\r`);
    const seen = await this.see(prompt);
    // what was typed is shown first, the prompt last
    return seen.slice(seen.indexOf("\n") + 1).replace(/[^\n]*$/, "").trim().replaceAll(
      "\r\n",
      "\n",
    );
  }

  /** Gives the window another size. */
  resize(rows: number, columns: number): void {
    libc.ioctl(this.master, IOCTL.TIOCSWINSZ, winsize(rows, columns));
  }

  /** How the terminal is set, as stty(1) writes it. */
  settings(): Promise<string> {
    return host("stty", "--all", `--file=${this.path}`);
  }

  /** How the command ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.child.status;
  }

  /** Closes this end, as when a terminal's window is closed or a connection breaks. */
  hangUp(): void {
    if (this.isOpen) libc.close(this.master);
    this.isOpen = false;
  }

  /** Hangs up, and waits for the command's end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 5000);
    const { signal } = await this.status;
    clearTimeout(timer);
    assertEquals(signal === "SIGKILL", false, "the command has not ended with its terminal");
  }

  private read(): void {
    const buffer = new Uint8Array(65536);
    for (let count; (count = attempt.read(this.master, buffer, buffer.length)) > 0;) {
      this.screen += this.decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  }
}
