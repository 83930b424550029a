/**
 * Containers that are left running: reached from the host, and their network given back at their
 * end, however that comes.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { readState } from "../../../runtime/network/state.ts";
import { needs } from "../../helpers/needs.ts";
import { detached, inLab, type Lab, until, WEB } from "./lab.ts";

const needsNetwork = (name: string) =>
  needs(name, { root: true, programs: ["nft", "busybox", "curl", "ip"] });

/** A web application as one writes it for Flask: one process that listens on port 5000 of all. */
const APPLICATION = `chroot /host ${Deno.execPath()} eval -q '
  Deno.serve({ port: 5000, hostname: "0.0.0.0" }, () => new Response("Hello, World!\\n"))'`;

/** What a shell on the host gets, once there is somebody who answers. */
async function fetched({ here }: Lab, url: string): Promise<string> {
  return await until(() => here(`curl -sm 1 ${url} || true`), (text) => text !== "");
}

/** Waits until nothing of ours is on the host. */
async function traces({ here, root }: Lab): Promise<string> {
  const left = await until(
    () => here("nft list tables | grep tiffin; ip -o link | grep tiffin; true"),
    (text) => text === "",
  );
  return left + readState(root).members.map(({ id }) => id).join();
}

Deno.test({
  ...needsNetwork("a web application with -p 5000:5000, and one with -d -p 8080:8080"),
  fn: () =>
    inLab(async (lab) => {
      const { start, tiffin } = lab;
      const application = ["local", "sh", "-c", `echo ready; exec ${APPLICATION}`];
      const container = await start("-p", "5000:5000", ...application);
      assertEquals(await fetched(lab, "http://localhost:5000/"), "Hello, World!\n");
      await container.end();
      const web = WEB.replace("[::]:80", "[::]:8080");
      const made = await tiffin(
        ...detached("-d", "-p", "8080:8080", "-h", "web", "--name", "web"),
        ...["local", "sh", "-c", web],
      );
      assertMatch(made.stdout, /^[0-9a-f]{64}\n$/, made.stderr);
      assertEquals(await fetched(lab, "http://localhost:8080/"), "web\n");
      assertMatch((await tiffin("ps")).stdout, /0\.0\.0\.0:8080->8080\/tcp +web\n/);
      assertEquals((await tiffin("stop", "-t", "0", "web")).stdout, "web\n");
      assertEquals(await traces(lab), "");
      // it gets its port again, and gives it back again
      assertEquals((await tiffin("start", "web")).stdout, "web\n");
      assertEquals(await fetched(lab, "http://localhost:8080/"), "web\n");
      assertEquals((await tiffin("rm", "-f", "web")).stdout, "web\n");
      assertEquals(await traces(lab), "");
    }),
});

Deno.test({
  ...needsNetwork("one that ends by itself gives its network back, with nobody there to see it"),
  fn: () =>
    inLab(async (lab) => {
      for (const flags of [[], ["--rm"]]) {
        const { code } = await lab.tiffin(...detached(...flags, "-p", "8080:80", "local", "true"));
        assertEquals(code, 0);
        assertEquals(await traces(lab), "");
      }
    }),
});

Deno.test({
  ...needsNetwork("of one whose monitor is killed, the next command finds nothing in its way"),
  fn: () =>
    inLab(async (lab) => {
      const { tiffin, root } = lab;
      const port = ["-p", "8080:80", "-h", "web", "--name", "web"];
      const { stdout } = await tiffin(...detached(...port, "local", "sh", "-c", WEB));
      const claim = Deno.readTextFileSync(`${root}/running/${stdout.trim()}`);
      Deno.kill(parseInt(claim), "SIGKILL");
      const again = await tiffin("start", "web");
      assertEquals([again.code, again.stderr], [0, ""]);
      assertEquals(await fetched(lab, "http://localhost:8080/"), "web\n");
      await tiffin("kill", "web");
      assertEquals(await traces(lab), "");
    }),
});
