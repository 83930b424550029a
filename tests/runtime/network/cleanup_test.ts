/**
 * What is left of networks: nothing, whoever is killed.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertStringIncludes } from "@std/assert/string-includes";
import { readState } from "../../../runtime/network/state.ts";
import { needs } from "../../helpers/needs.ts";
import { inLab, type Lab, SLEEP, until } from "./lab.ts";

const needsNetwork = (name: string) => needs(name, { root: true, programs: ["nft", "ip"] });

/** Everything of ours on the host. */
async function traces({ here }: Lab): Promise<string> {
  return await here(
    "ip -o link | grep -c -E '(tiffin|t[0-9a-f]{4}-)'; nft list tables | grep -c tiffin; " +
      "cat /proc/sys/net/ipv4/ip_forward; true",
  );
}

const NOTHING = "0\n0\n0\n";

Deno.test({
  ...needsNetwork("the last container takes bridge, tables and switches with it"),
  fn: () =>
    inLab(async (lab) => {
      const { tiffin, here } = lab;
      await here("nft add table inet other; nft add chain inet other c");
      assertEquals(await traces(lab), NOTHING);
      const shown = await tiffin("run", "--explain", "local", "true");
      assertStringIncludes(shown.stdout, "RTM_NEWLINK {kind=bridge");
      assertEquals(await traces(lab), NOTHING, "explain touches nothing");
      const { code, stderr } = await tiffin("run", "local", "true");
      assertEquals([code, stderr], [0, ""]);
      assertEquals(await until(() => traces(lab), (text) => text === NOTHING), NOTHING);
      assertEquals(await here("nft list tables"), "table inet other\n");
      assertEquals(readState(lab.root).members, []);
    }),
});

Deno.test({
  ...needsNetwork("a killed command's addresses, ports and rules are cleared by the next one"),
  fn: () =>
    inLab(async (lab) => {
      const { start, tiffin, here } = lab;
      const container = await start("-p", "8080:80", ...SLEEP);
      assertEquals(readState(lab.root).members.length, 1);
      await container.end();
      const next = await tiffin("run", "-p", "8080:80", "local", "hostname", "-I");
      assertEquals([next.code, next.stdout.split(" ")[0]], [0, "10.77.0.2"], next.stderr);
      assertEquals(readState(lab.root).members, []);
      assertEquals(await until(() => traces(lab), (text) => text === NOTHING), NOTHING);
      assertEquals(await here("ls /proc/sys/net/ipv4/conf | grep -c tiffin || true"), "0\n");
    }),
});

Deno.test({
  ...needsNetwork("twenty at once have twenty addresses"),
  fn: () =>
    inLab(async (lab) => {
      const all = await Promise.all(
        Array.from({ length: 20 }, () => lab.tiffin("run", "local", "sh", "-c", "hostname -I")),
      );
      assertEquals(all.map(({ code, stderr }) => `${code}${stderr}`), new Array(20).fill("0"));
      assertEquals(await until(() => traces(lab), (text) => text === NOTHING), NOTHING);
    }),
});

Deno.test({
  ...needsNetwork("a start that fails gives back what it took"),
  fn: () =>
    inLab(async (lab) => {
      const { code } = await lab.tiffin("run", "-p", "8080:80", "local", "nosuch");
      assertEquals(code, 127);
      assertEquals(readState(lab.root).members, []);
      assertEquals(await until(() => traces(lab), (text) => text === NOTHING), NOTHING);
    }),
});
