/**
 * `exec -it` and `attach` at a terminal: keys, signals, the window's size, a program that fills the
 * screen, the way out, and the terminal as it was afterwards.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { assertThrows } from "@std/assert/throws";
import { DetachKeys, parseDetachKeys } from "../../cli/detach_keys.ts";
import { needs } from "../helpers/needs.ts";
import { anyUser, localBox, Talk, tiffin } from "./box.ts";
import { type Detached, detached, IDLE } from "./detached.ts";
import { Pty } from "./pty.ts";

const box = localBox();

/** A shell of the host's at a terminal, which knows `tiffin` as a command. */
async function shell(): Promise<Pty> {
  const pty = new Pty(["sh"], { TIFFIN_ROOT: box.path, PS1: "host$ ", NO_COLOR: "1", ENV: "" });
  await pty.see(/host\$ $/);
  const words = tiffin().map((word) => `'${word}'`).join(" ");
  await pty.command(`tiffin() { ${words} "$@"; }`, /host\$ $/);
  return pty;
}

/** Waits until a command runs: a Ctrl-C before that would be the shell's. */
async function running({ text, id }: Detached, command: string): Promise<void> {
  while (!(await text("top", "--format", "json", id)).includes(`"CMD":"${command}"`));
}

Deno.test({
  ...needs(
    "exec -it is a shell at a terminal of its own, with job control and the window's size",
    anyUser,
  ),
  async fn() {
    await using web = await detached(box, IDLE);
    await using pty = await shell();
    const before = await pty.settings();
    pty.resize(33, 99);
    await pty.type(`tiffin exec -it -e PS1='in$ ' ${web.id} sh\r`);
    await pty.see(/in\$ $/);
    assertMatch(await pty.command("tty; stty size"), /^\/dev\/pts\/\d+\n33 99$/);
    pty.resize(20, 70);
    assertEquals(await pty.command("sleep 0.2; stty size"), "20 70");
    await pty.type("sleep 60\r");
    await pty.see(/sleep 60\r\n/);
    await running(web, "sleep 60");
    await pty.type("\x03");
    await pty.see(/\^C.*in\$ $/s);
    assertEquals(await pty.command("echo $?"), "130");
    await pty.type("sleep 60\r");
    await pty.see(/sleep 60\r\n/);
    await running(web, "sleep 60");
    await pty.type("\x1a");
    await pty.see(/Stopped.*in\$ $/s);
    await pty.type("fg\r");
    await pty.see(/sleep 60\r\n/);
    await running(web, "sleep 60");
    await pty.type("\x03");
    await pty.see(/\^C.*in\$ $/s);
    await pty.type("exit 7\r");
    await pty.see(/host\$ $/);
    assertEquals(await pty.command("echo $?", /host\$ $/), "7");
    assertEquals(
      await pty.settings(),
      before.replace(/rows \d+; columns \d+/, "rows 20; columns 70"),
    );
  },
});

Deno.test({
  ...needs("exec -it of an editor that fills the screen", { ...anyUser, programs: ["busybox"] }),
  async fn() {
    const busybox = (await new Deno.Command("which", { args: ["busybox"] }).output()).stdout;
    const path = new TextDecoder().decode(busybox).trim();
    await using web = await detached(box, IDLE, "-v", `${path}:/busybox:ro`);
    await using pty = await shell();
    await pty.type(`tiffin exec -it ${web.id} /busybox vi /tmp/text\r`);
    // the last line of its screen names the file, and says in which mode it is
    await pty.see(/- \/tmp\/text/);
    await pty.type("ihello from vi");
    await pty.see(/hello from vi/);
    await pty.type("\x1b");
    await pty.see(/- \/tmp\/text/);
    await pty.type(":wq\r");
    await pty.see(/host\$ $/);
    assertEquals(await web.text("exec", web.id, "cat", "/tmp/text"), "hello from vi\n");
    await pty.type(`tiffin exec -it ${web.id} /busybox top\r`);
    await pty.see(/Mem:.*PID.*COMMAND/s);
    await pty.type("q");
    await pty.see(/host\$ $/);
  },
});

Deno.test({
  ...needs("attach: keys go in, output comes out, Ctrl-P Ctrl-Q leaves it as it is", anyUser),
  async fn() {
    await using web = await detached(box, ["sh"], "-it", "-e", "PS1=in$ ");
    await using pty = await shell();
    const before = await pty.settings();
    pty.resize(31, 91);
    await pty.type(`tiffin attach ${web.id}\r`);
    await pty.type("\r");
    await pty.see(/in\$ $/);
    assertEquals(await pty.command("stty size"), "31 91");
    pty.resize(22, 72);
    assertEquals(await pty.command("sleep 0.2; stty size"), "22 72");
    await pty.type("sleep 60\r");
    await pty.see(/sleep 60\r\n/);
    await running(web, "sleep 60");
    await pty.type("\x03");
    await pty.see(/\^C.*in\$ $/s);
    // a Ctrl-P that no Ctrl-Q follows is a key like others
    await pty.type("X=1\r");
    await pty.see(/in\$ $/);
    await pty.type("\x10\x11");
    await pty.see(/goes on\r\n.*host\$ $/s);
    assertEquals(await pty.command("echo $?", /host\$ $/), "0");
    assertEquals(
      await pty.settings(),
      before.replace(/rows \d+; columns \d+/, "rows 22; columns 72"),
    );
    await pty.type(`tiffin attach --detach-keys ctrl-x,d ${web.id}\r`);
    await pty.type("\r");
    await pty.see(/in\$ $/);
    assertEquals(await pty.command("echo $X"), "1");
    await pty.type("\x18d");
    await pty.see(/host\$ $/);
    await pty.type(`tiffin attach ${web.id}\r`);
    await pty.type("\r");
    await pty.see(/in\$ $/);
    await pty.type("exit 6\r");
    await pty.see(/host\$ $/);
    assertEquals(await pty.command("echo $?", /host\$ $/), "6");
  },
});

Deno.test({
  ...needs("attach to what has no terminal and no input: Ctrl-P Ctrl-Q leaves it, too", anyUser),
  async fn() {
    await using web = await detached(
      box,
      ["sh", "-c", "while :; do echo up; sleep 0.02; done"],
      "--name=long-name-it-has",
    );
    await using pty = await shell();
    const before = await pty.settings();
    await pty.type(`tiffin attach ${web.id}\r`);
    await pty.see(/up\r\nup/);
    await pty.type("z\x10\x11");
    await pty.see(/goes on\r\n.*host\$ $/s);
    assertEquals(await pty.settings(), before);
    pty.resize(24, 80);
    // an ID is there to be copied, so it is whole where there is any room
    assertStringIncludes(await pty.command("tiffin ps", /host\$ $/), `${web.id.slice(0, 12)}  `);
    assertStringIncludes(await web.text("ps", "-q", "--no-trunc"), web.id);
    await pty.type(`tiffin attach --sig-proxy=false ${web.id}\r`);
    await pty.see(/up\r\nup/);
    await pty.type("\x03");
    await pty.see(/goes on\r\n.*host\$ $/s);
    assertEquals(
      await pty.settings(),
      before.replace(/rows \d+; columns \d+/, "rows 24; columns 80"),
    );
    assertStringIncludes(await web.text("ps", "-q", "--no-trunc"), web.id);
  },
});

Deno.test({
  ...needs(
    "attach without a terminal: input goes in, signals are passed on, the exit code comes back",
    anyUser,
  ),
  async fn() {
    const script = "trap 'exit 3' USR1; while :; do read line && echo got $line; done";
    await using web = await detached(box, ["sh", "-c", script], "-i");
    await using talk = new Talk(tiffin("attach", web.id), box.path);
    // what is written before somebody is attached is for the log
    for (let answer = ""; !answer.includes("got");) {
      await talk.say("one\n");
      answer = await talk.hear(/got one\n/);
    }
    talk.kill("SIGUSR1");
    await talk.say("two\n");
    assertEquals((await talk.end()).code, 3);
  },
});

Deno.test({
  ...needs("attach ends when nobody reads its output any more, and the container goes on", anyUser),
  async fn() {
    await using web = await detached(box, ["sh", "-c", "while :; do echo up; sleep 0.02; done"]);
    const words = tiffin("attach", "--no-stdin", web.id).map((word) => `'${word}'`).join(" ");
    const { stdout, success } = await new Deno.Command("bash", {
      args: ["-c", `${words} | head -n 1; test ${"${PIPESTATUS[0]}"} = 141`],
      env: { TIFFIN_ROOT: box.path },
    }).output();
    assertEquals([new TextDecoder().decode(stdout), success], ["up\n", true]);
    assertStringIncludes(await web.text("ps", "-q", "--no-trunc"), web.id);
  },
});

Deno.test({
  ...needs("start -a shows all that is written, and exits as the container does", anyUser),
  async fn() {
    await using web = await detached(box, ["sh", "-c", "echo out; echo err >&2; exit 5"]);
    await web.text("wait", web.id);
    const { code, stdout, stderr } = await web.tiffin("start", "-a", web.id);
    assertEquals([code, stdout, stderr], [5, "out\n", "err\n"]);
  },
});

Deno.test({
  ...needs("start -ai is a shell in this terminal", anyUser),
  async fn() {
    await using web = await detached(box, ["sh"], "-it", "-e", "PS1=in$ ");
    await web.text("kill", web.id);
    await web.text("wait", web.id);
    await using pty = await shell();
    await pty.type(`tiffin start -ai ${web.id}\r`);
    await pty.see(/in\$ $/);
    await pty.type("exit 8\r");
    await pty.see(/host\$ $/);
    assertEquals(await pty.command("echo $?", /host\$ $/), "8");
  },
});

Deno.test({
  ...needs("attach to what does not run, or runs in the foreground, is refused", anyUser),
  async fn() {
    await using web = await detached(box, ["true"]);
    await web.text("wait", web.id);
    const { code, stderr } = await web.tiffin("attach", web.id);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "is not running: tiffin start");
    assertStringIncludes((await web.tiffin("attach", "nosuch")).stderr, "no such container");
    await using talk = box.start(["--name", "front", "local", "sh", "-c", "echo up; exec cat"]);
    await talk.hear(/up/);
    assertStringIncludes((await web.tiffin("attach", "front")).stderr, "runs in the foreground");
    assertStringIncludes((await web.tiffin("logs", "front")).stderr, "has no log");
    await talk.end();
    await web.tiffin("rm", "-f", "front");
  },
});

Deno.test("the keys that leave a container are found in whatever pieces they come", () => {
  const codes = (text: string) => [...parseDetachKeys(text)];
  assertEquals(codes("ctrl-p,ctrl-q"), [16, 17]);
  assertEquals(codes("ctrl-],x,ctrl-@"), [29, 120, 0]);
  assertEquals(codes(""), []);
  for (const text of ["ctrl-1", "ab", "ctrl-", ",", "ctrl-p,"]) {
    assertThrows(() => parseDetachKeys(text), Error, "is no list of keys");
  }
  const fed = (sequence: number[], ...pieces: number[][]) => {
    const keys = new DetachKeys(new Uint8Array(sequence));
    return pieces.map((piece) => {
      const passed = keys.take(new Uint8Array(piece));
      return passed && [...passed];
    });
  };
  assertEquals(fed([16, 17], [1, 16], [17]), [[1], undefined]);
  assertEquals(fed([16, 17], [16], [16, 17]), [[], undefined]);
  assertEquals(fed([16, 17], [16], [2]), [[], [16, 2]]);
  assertEquals(fed([], [16, 17]), [[16, 17]]);
});
