/**
 * `run` at a terminal: a shell without any flag, Ctrl-C and Ctrl-Z, the window's size, and the
 * terminal as it was afterwards, whatever the way out.
 *
 * @module
 */

import { assert } from "@std/assert/assert";
import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { claimFile, containerDirectory, processFile, readIdentity } from "../../runtime/records.ts";
import { needs } from "../helpers/needs.ts";
import { anyUser, host, localBox, passesSignals, tiffin, until } from "./box.ts";
import { Pty } from "./pty.ts";

const box = localBox();

/** A shell at a terminal, which knows `tiffin` as a command. */
async function shell(): Promise<Pty> {
  await until(() => containers() === 0, () => "no container of an earlier test");
  const pty = new Pty(["sh"], { TIFFIN_ROOT: box.path, PS1: "$ ", NO_COLOR: "1", ENV: "" });
  await pty.see(/\$ $/);
  const words = tiffin().map((word) => `'${word}'`).join(" ");
  await pty.command(`tiffin() { ${words} "$@"; }`);
  return pty;
}

/** The first process of the only container that runs, and the command that answers for it. */
async function container(): Promise<{ owner: number; pid: number }> {
  const [{ name }] = [...Deno.readDirSync(`${box.path}/containers`)];
  const owner = readIdentity(claimFile(box.path, name))!.pid;
  await passesSignals(owner);
  return { owner, pid: readIdentity(processFile(containerDirectory(box.path, name)))!.pid };
}

function containers(): number {
  return [...Deno.readDirSync(`${box.path}/containers`)].length;
}

/** Waits until a program of the container's runs in the foreground of its terminal. */
async function running(name: string): Promise<void> {
  const { pid } = await container();
  await until(() => {
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim().split(" ");
    return children.some((child) => read(`/proc/${child}/comm`).trim() === name);
  }, () => `${name} runs in the container`);
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

Deno.test({
  ...needs("run local sh at a terminal is a shell at a terminal of the container's own", anyUser),
  async fn() {
    await using pty = await shell();
    const before = await pty.settings();
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    assertEquals(await pty.command("tty; echo $TERM; id -u"), "/dev/pts/0\nxterm\n0");
    assertEquals(await pty.command("ls /dev/pts; ps -o tty= -p 1"), "0  ptmx\npts/0");
    assertEquals(
      await pty.command("stat -c '%t,%T %u %a' /dev/pts/0 /dev/console"),
      [
        "88,0 0 620",
        "88,0 0 620",
      ].join("\n"),
    );
    await pty.type("exit 4\r");
    await pty.see(/\$ $/);
    assertEquals(await pty.command("echo $?"), "4");
    assertEquals(await pty.settings(), before);
  },
});

Deno.test({
  ...needs("the size of the window is the container's, and follows", anyUser),
  async fn() {
    await using pty = await shell();
    pty.resize(33, 77);
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    assertEquals(await pty.command("stty size"), "33 77");
    await pty.type("exit\r");
    await pty.see(/\$ $/);
    // the shell at its prompt gives every command a process group of its own, and would not hear
    const loop = "trap 'echo now $(stty size)' WINCH; echo ready; while :; do sleep 0.05; done";
    await pty.type(`tiffin run local sh -c "${loop.replaceAll("$", "\\$")}"\r`);
    await pty.see(/\nready/);
    pty.resize(40, 100);
    await pty.see(/now 40 100/);
    pty.resize(11, 22);
    await pty.see(/now 11 22/);
  },
});

Deno.test({
  ...needs("Ctrl-C interrupts what the shell runs, Ctrl-Z stops it, and the shell stays", anyUser),
  async fn() {
    await using pty = await shell();
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    await pty.type("sleep 99\r");
    await running("sleep");
    await pty.type("\x03");
    await pty.see(/\^C\s+# $/);
    assertEquals(await pty.command("echo $?"), "130");
    await pty.type("sleep 98\r");
    await running("sleep");
    await pty.type("\x1a");
    assertMatch(await pty.see(/# $/), /Stopped\s+sleep 98/);
    assertMatch(await pty.command("jobs"), /Stopped\s+sleep 98/);
    await pty.type("fg\r");
    await pty.see(/sleep 98\s+$/);
    await pty.type("\x03");
    await pty.see(/# $/);
    assertEquals(await pty.command("jobs; echo $$"), "1");
    // the end of the input, as a terminal has it
    await pty.type("\x04");
    await pty.see(/\$ $/);
    assertEquals(await pty.command("echo $?"), "0");
  },
});

Deno.test({
  ...needs("unusual settings of the terminal are there again afterwards", anyUser),
  async fn() {
    await using pty = await shell();
    await pty.command("stty -echo susp ^X -onlcr intr ^B", /\$ $/);
    const before = await pty.settings();
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    const inside = await pty.command("stty -a");
    assertMatch(inside, /intr = \^C.* susp = \^Z/s);
    assertMatch(inside, /[^-]onlcr.*[^-]echo /s);
    await pty.type("exit\r");
    await pty.see(/\$ $/);
    assertEquals(await pty.settings(), before);
    await pty.type("tiffin run local no-such-program; echo =$?=\r");
    assertMatch(await pty.see(/=127=/), /no-such-program/);
    assertEquals(await pty.settings(), before);
  },
});

Deno.test({
  ...needs("what is written arrives unchanged: each line has one carriage return", anyUser),
  async fn() {
    await using pty = await shell();
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    await pty.type("echo one; stty -opost; printf 'two\\n'; stty opost; echo end\r");
    const seen = await pty.see(/end\r\n# $/);
    assertEquals(seen.slice(seen.indexOf("\n") + 1), "one\r\ntwo\nend\r\n# ");
    await pty.type("exit\r");
    await pty.see(/\$ $/);
  },
});

Deno.test({
  ...needs("much output arrives whole, also at a terminal that was left O_NONBLOCK", anyUser),
  async fn() {
    await using pty = await shell();
    for (const before of ["true", "dd if=/dev/null oflag=nonblock status=none"]) {
      await pty.command(before);
      await pty.type("tiffin run local sh -c 'sleep 0.2; seq 200000'\r");
      const seen = await pty.see(/\n200000\r\n(\$ )?$/);
      const lines = seen.slice(seen.indexOf("\n") + 1).split("\r\n");
      assertEquals(lines.length, 200001);
      assert(lines.slice(0, -1).every((line, i) => line === String(i + 1)));
      // the shell outside does not write its prompt again where it could not the first time
      await until(() => containers() === 0, () => "the container is gone");
      await pty.type("\r");
      await pty.see(/\$ $/);
    }
  },
});

Deno.test({
  ...needs(
    "much is typed at a program that writes more than it reads: neither side waits for ever",
    anyUser,
  ),
  async fn() {
    await using pty = await shell();
    const step = "head -c 1024 >/dev/null; head -c 300000 /dev/zero | tr '\\0' x";
    const loop = `stty raw -echo; echo go; for i in 1 2 3 4 5 6 7 8; do ${step}; done; echo gone`;
    await pty.type(`tiffin run local sh -c "${loop}"\r`);
    await pty.see(/\ngo\n/);
    await pty.type("y".repeat(8192));
    const seen = await pty.see(/gone\s+\$ $/);
    assertEquals(seen.replace(/gone.*/s, "").length, 8 * 300000);
  },
});

Deno.test({
  ...needs("-t=false and pipes leave the three descriptors as they are", anyUser),
  async fn() {
    await using pty = await shell();
    const test = "'for fd in 0 1 2; do test -t $fd && printf $fd; done; ls /dev/pts'";
    assertEquals(await pty.command(`tiffin run -t=false local sh -c ${test}`), "012ptmx");
    assertEquals(await pty.command(`tiffin run local sh -c ${test} | cat`), "02ptmx");
    assertEquals(await pty.command(`true | tiffin run local sh -c ${test}`), "12ptmx");
    assertEquals(await pty.command(`tiffin run -it local sh -c ${test}`), "0120  ptmx");
    assertEquals(await pty.command(`tiffin run -t local sh -c ${test} | cat`), "0120  ptmx");
    const refused = await pty.command("true | tiffin run -t local true; echo =$?=");
    assertMatch(refused, /standard input is not a terminal.*=125=/s);
  },
});

Deno.test({
  ...needs("without a terminal of its own, Ctrl-C is passed on, and the third one kills", anyUser),
  async fn() {
    await using pty = await shell();
    const script = "'trap \"echo caught\" INT; echo ready; while :; do sleep 0.05; done'";
    await pty.type(`tiffin run -t=false local sh -c ${script}\r`);
    await pty.see(/\nready/);
    await container();
    await pty.type("\x03");
    await pty.see(/caught/);
    await pty.type("\x03");
    await pty.see(/caught/);
    await pty.type("\x03");
    await pty.see(/\$ $/);
    assertEquals(await pty.command("echo $?"), "137");
  },
});

Deno.test({
  ...needs("at its own terminal, the third Ctrl-C kills what hears none, nothing else", anyUser),
  async fn() {
    await using pty = await shell();
    await pty.type("tiffin run local sh -c 'echo ready; exec sleep 93'\r");
    await pty.see(/\nready/);
    const { pid } = await container();
    await until(() => read(`/proc/${pid}/comm`).trim() === "sleep", () => "sleep runs");
    await pty.type("\x03\x03x"); // begins anew
    await pty.see(/x$/);
    // each of them throws away what was typed and not shown yet
    for (let i = 0; i < 2; i++) {
      await pty.type("\x03");
      await pty.see(/\^C$/);
    }
    await pty.type("\x03");
    await pty.see(/\$ $/);
    assertEquals(await pty.command("echo $?"), "137");
    await pty.type("tiffin run -e PS1='in$ ' local sh\r");
    await pty.see(/in\$ $/);
    for (let i = 0; i < 4; i++) {
      await pty.type("\x03");
      await pty.see(/in\$ $/);
    }
    await pty.type("stty -isig; echo set; cat -v\r");
    await pty.see(/\nset\r\n/);
    await pty.type("\x03\x03\x03\r");
    await pty.see(/\^C\^C\^C\r\n/);
    await pty.type("\x04");
    await pty.see(/in\$ $/);
    await pty.type("exit 4\r");
    await pty.see(/[^n]\$ $/);
    assertEquals(await pty.command("echo $?"), "4");
  },
});

Deno.test({
  ...needs("a terminal belongs to the user of the container", anyUser),
  async fn() {
    await using pty = await shell();
    const script = "'stat -c %u $(tty); echo written >$(tty)'";
    assertEquals(
      await pty.command(`tiffin run --user=1000 local sh -c ${script}`),
      "1000\nwritten",
    );
  },
});

Deno.test({
  ...needs("SIGTERM to run: the terminal is given back", anyUser),
  async fn() {
    await using pty = await shell();
    const before = await pty.settings();
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    const { owner } = await container();
    // an interactive shell takes no notice of the first two
    for (let i = 0; i < 3; i++) {
      Deno.kill(owner, "SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await pty.see(/\$ $/);
    assertEquals(await pty.command("echo $?"), "137");
    assertEquals(await pty.settings(), before);
    assertEquals(containers(), 0);
  },
});

Deno.test({
  ...needs("a terminal that is gone ends the container, which can say goodbye", anyUser),
  async fn() {
    const script =
      "'trap \"echo bye >/v/bye; exit\" HUP; echo ready; while :; do sleep 0.05; done'";
    const directory = await Deno.makeTempDir();
    {
      await using pty = await shell();
      await pty.type(`tiffin run -v ${directory}:/v local sh -c ${script}\r`);
      await pty.see(/\nready/);
      await container();
    }
    await until(() => containers() === 0, () => "the container is gone");
    assertEquals(await Deno.readTextFile(`${directory}/bye`), "bye\n");
    await Deno.remove(directory, { recursive: true });
  },
});

Deno.test({
  ...needs("a program that does not hear of it is killed after five seconds", anyUser),
  async fn() {
    let end = 0;
    {
      await using pty = await shell();
      await pty.type("tiffin run local sh -c 'echo ready; exec sleep 97'\r");
      await pty.see(/\nready/);
      await container();
      end = Date.now();
    }
    await until(() => containers() === 0, () => "the container is gone");
    const seconds = (Date.now() - end) / 1000;
    assert(seconds > 4 && seconds < 9, `${seconds} s`);
  },
});

Deno.test({
  ...needs("SIGKILL to run leaves a terminal that stty sane repairs, and nothing else", anyUser),
  async fn() {
    await using pty = await shell();
    await pty.type("tiffin run local sh\r");
    await pty.see(/# $/);
    Deno.kill((await container()).owner, "SIGKILL");
    await pty.see(/Killed/);
    await host("stty", "sane", `--file=${pty.path}`);
    assertEquals(await pty.command("tiffin run local echo again", /\$ $/), "again");
    assertEquals(containers(), 0);
  },
});
