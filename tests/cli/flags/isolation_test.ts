/**
 * What a container shares with the host: its names and its namespaces.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { isRoot } from "../../helpers/needs.ts";
import { changes, options, refusal } from "../run_flags.ts";

Deno.test("names", async () => {
  assertEquals(await options("-h", "box-1.lan"), { hostname: "box-1.lan" });
  assertEquals(await options("--domainname", "lan"), { domainname: "lan" });
  assertEquals(await changes("--hostname="), {});
  const rule = "is not a host's name: letters, digits, - and . between them";
  for (const name of ["-box", "box.", "b x", "b/x", "b\nx"]) {
    assertEquals(await refusal("-h", name), `--hostname: ${JSON.stringify(name)} ${rule}`);
  }
  const long = "a".repeat(65);
  const shown = `${"a".repeat(60)}…`;
  assertEquals(
    await refusal("-h", long),
    `--hostname: "${shown}" is longer than the 64 bytes it may have`,
  );
});

Deno.test("--add-host", async () => {
  const hosts = {
    "db:192.0.2.7": "192.0.2.7\tdb",
    "db=192.0.2.7": "192.0.2.7\tdb",
    "db:2001:db8::1": "2001:db8::1\tdb",
    "db:[2001:db8::1]": "2001:db8::1\tdb",
    "here:host-gateway": "host-gateway\there",
  };
  for (const [text, line] of Object.entries(hosts)) {
    assertEquals(await changes("--add-host", text), { extraHosts: [line] });
  }
  for (
    const text of ["db", "db:", ":1.2.3.4", "db:1.2.3", "db:1.2.3.256", "d b:1.2.3.4", "db:::::"]
  ) {
    assertEquals(
      await refusal("--add-host", text),
      `--add-host: "${text}" is not NAME:ADDRESS, as db:192.0.2.7 or host:host-gateway`,
    );
  }
});

Deno.test("the other namespaces", async () => {
  assertEquals(await options("--pid", "host", "--ipc", "host", "--uts", "host"), {
    ipc: "host",
    uts: "host",
    pid: "host",
  });
  assertEquals(await options("--ipc", "none"), { ipc: "none" });
  assertEquals(await options("--ipc", "shareable"), { ipc: "private" });
  assertEquals(await options("--cgroupns", "private"), { cgroupns: "private" });
  assertEquals(await options("--uts", "ns:/proc/self/ns/uts"), { uts: "/proc/self/ns/uts" });
  assertEquals(
    await refusal("--pid", "ns:/proc/self/ns/pid"),
    '--pid: "ns:/proc/self/ns/pid" is not private or host',
  );
  assertEquals(
    await refusal("--pid", "container:web"),
    '--pid: "container:web" is not private or host',
  );
  assertEquals(
    await refusal("--ipc", "container:web"),
    '--ipc: "container:web" is not private, none, host or ns:PATH; ' +
      "a running container's is ns:/proc/PID/ns/…",
  );
  assertEquals(await refusal("--uts", "none"), '--uts: "none" is not private, host or ns:PATH');
  assertEquals(await refusal("--userns", "keep-id"), '--userns: "keep-id" is not host');
});

Deno.test("--userns host is root's", async () => {
  if (isRoot) return assertEquals(await options("--userns", "host"), { userns: "host" });
  assertEquals(
    await refusal("--userns", "host"),
    "--userns host: only root can make a container without a user namespace",
  );
});

Deno.test("the host's names cannot be changed", async () => {
  assertEquals(
    await refusal("--uts", "host", "-h", "box"),
    "--uts host has the host's names, so --hostname cannot give another",
  );
  assertEquals(
    await refusal("--uts", "host", "--domainname", "lan"),
    "--uts host has the host's names, so --domainname cannot give another",
  );
});
