/**
 * `top`, `diff` and `port`: what goes on in a container, and what it has changed.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../helpers/needs.ts";
import { anyUser, localBox } from "./box.ts";
import { detached, IDLE } from "./detached.ts";

const box = localBox();

Deno.test({
  ...needs("top lists the processes of a container, and no others", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    await web.text("exec", "-d", web.id, "sleep", "601");
    const json = (await web.text("top", "--format", "json", web.id)).trim().split("\n")
      .map((line) => JSON.parse(line));
    const commands = json.map(({ CMD }) => CMD);
    assertEquals(commands.toSorted(), ["sh -c " + IDLE[2], "sleep 600", "sleep 601"].sort());
    assertEquals(json.find(({ ContainerPID }) => ContainerPID === 1).CMD, "sh -c " + IDLE[2]);
    for (const { PID } of json) assertEquals(Deno.statSync(`/proc/${PID}`).isDirectory, true);
    const table = await web.text("top", web.id);
    assertMatch(table, /^UID +PID +PPID +C +STIME +TTY +TIME +CMD\n/);
    assertStringIncludes((await web.tiffin("top", web.id, "aux")).stderr, "ps aux");
    await web.text("stop", web.id);
    assertStringIncludes((await web.tiffin("top", web.id)).stderr, "is not running");
  },
});

Deno.test({
  ...needs(
    "diff: added, changed, deleted; nothing of what is mounted, or made to be mounted on",
    anyUser,
  ),
  async fn() {
    const script = "echo x >/srv/new; rm /etc/group; echo y >>/etc/passwd; echo z >/data/z; " +
      "mkdir /srv/dir; chmod 751 /srv/dir; echo done";
    const volume = `${box.path}/volume-of-diff`;
    Deno.mkdirSync(volume, { recursive: true });
    await using web = await detached(
      box,
      ["sh", "-c", script],
      "-v",
      `${volume}:/data/deep`,
      "--tmpfs",
      "/scratch",
    );
    await web.text("wait", web.id);
    const expected = "C /etc\nD /etc/group\nC /etc/passwd\nC /srv\nA /srv/dir\nA /srv/new\n";
    const seen = await web.text("diff", web.id);
    // /data itself was made for the volume, but has got a file of its own
    assertEquals(seen.replace("A /data\nA /data/z\n", ""), expected);
    const first = (await web.text("diff", "--format", "json", web.id)).split("\n")
      .filter((line) => line.includes("group"));
    assertEquals(first.map((line) => JSON.parse(line)), [{ Kind: "D", Path: "/etc/group" }]);
    Deno.removeSync(volume, { recursive: true });
  },
});

Deno.test({
  ...needs("port of a container that has none, and of one that does not run", anyUser),
  async fn() {
    await using web = await detached(box, IDLE);
    assertEquals(await web.text("port", web.id), "");
    assertStringIncludes((await web.tiffin("port", web.id, "80")).stderr, "no port of the host's");
    assertStringIncludes((await web.tiffin("port", web.id, "x")).stderr, "is no port");
    await web.text("stop", web.id);
    assertStringIncludes((await web.tiffin("port", web.id)).stderr, "is not running");
  },
});
