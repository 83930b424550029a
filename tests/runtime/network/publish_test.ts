/**
 * Ports of the host's that lead into containers: from the host, from outside, from a neighbour.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { assertMatch } from "@std/assert/match";
import { assertStringIncludes } from "@std/assert/string-includes";
import { needs } from "../../helpers/needs.ts";
import { ECHO, get, HOST, HOST6, inLab, shell, WEB } from "./lab.ts";

const needsNetwork = (name: string) =>
  needs(name, { root: true, programs: ["nft", "busybox", "curl", "ip"] });

Deno.test({
  ...needsNetwork("TCP: from 127.0.0.1, from the host's addresses, from outside, IPv4 and IPv6"),
  fn: () =>
    inLab(async ({ start, here, outside, tiffin }) => {
      const ports = ["-p", "8080:80", "-p", "127.0.0.1:9090:80"];
      await start("--hostname", "web", ...ports, "local", "sh", "-c", WEB);
      for (const url of ["127.0.0.1:8080", `${HOST}:8080`, `[${HOST6}]:8080`, "127.0.0.1:9090"]) {
        assertEquals(await here(`curl -sm 3 http://${url}/`), "web\n", url);
      }
      for (const url of [`${HOST}:8080`, `[${HOST6}]:8080`]) {
        assertEquals(await outside(`curl -sm 3 http://${url}/`), "web\n", url);
      }
      // what is for the host alone is for nobody else
      assertEquals(await outside(`curl -sm 1 http://${HOST}:9090/ || echo none`), "none\n");
      // nor is there a way past the published ports
      assertEquals(
        await outside(
          `ip route add 10.0.0.0/8 via ${HOST}; curl -sm 1 http://10.77.0.2/ || echo none`,
        ),
        "none\n",
      );
      // a neighbour, by the host's address
      assertEquals((await tiffin(...shell(get(`${HOST}:8080`)))).stdout, "web\n");
    }),
});

Deno.test({
  ...needsNetwork("UDP, ranges, free ports, and the port that is taken"),
  fn: () =>
    inLab(async ({ start, here, outside, tiffin }) => {
      await start("--name", "echo", "-p", "5300-5301:53-54/udp", "local", "sh", "-c", ECHO);
      const ask = (address: string) =>
        `exec 3<>/dev/udp/${address}/5300; echo hello >&3; timeout 3 head -1 <&3 || true`;
      assertEquals(await here(ask("127.0.0.1")), "hello\n");
      assertEquals(await outside(ask(HOST)), "hello\n");
      assertEquals(await outside(ask(HOST6)), "hello\n");

      const again = await tiffin("run", "-p", "5301:80/udp", "local", "true");
      assertEquals(again.code, 125);
      assertStringIncludes(
        again.stderr,
        "port 5301/udp of this host is taken: the container echo has it",
      );
      const other = await tiffin("run", "-p", "5301:80/tcp", "local", "true");
      assertEquals([other.code, other.stderr], [0, ""]);

      const shown = await tiffin("run", "--explain=json", "-p", "80", "local", "true");
      assertMatch(shown.stdout, /ports4 \{ [^}]*, tcp \. 32768 : 10\.77\.0\.3 \. 80 \}/);
    }),
});

Deno.test({
  ...needsNetwork("a port that a program of the host's has is an error before the start"),
  fn: () =>
    inLab(async ({ tiffin, here }) => {
      const server = new Deno.Command("busybox", {
        args: ["nc", "-l", "-p", "8080"],
        stdin: "null",
      }).spawn();
      try {
        await here("while ! ss -ltn | grep -q :8080; do sleep 0.05; done");
        const { code, stderr } = await tiffin("run", "-p", "8080:80", "local", "true");
        assertEquals(code, 125);
        assertStringIncludes(
          stderr,
          "port 8080/tcp of this host is taken: a program listens on it",
        );
        const { stderr: nowhere } = await tiffin("run", "-p", "203.0.113.9:80:80", "local", "true");
        assertStringIncludes(nowhere, "the address is not this host's");
      } finally {
        server.kill("SIGKILL");
        await server.status;
      }
    }),
});
