/**
 * What a group has used, read from files as the kernel writes them.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { readOom, readStats } from "../../../runtime/cgroups/stats.ts";
import { tempRoot } from "../../helpers/temp_root.ts";

async function withFiles(texts: Record<string, string>, check: (directory: string) => void) {
  const directory = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(texts)) {
      Deno.writeTextFileSync(`${directory}/${name}`, text);
    }
    check(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("version 2's files", async () => {
  await withFiles({
    "cpu.stat": "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\nnr_periods 9\nnr_throttled 4\n",
    "memory.current": "8192\n",
    "memory.max": "max\n",
    "memory.stat": "anon 1\ninactive_file 4096\nactive_file 2\n",
    "memory.events": "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n",
    "pids.current": "5\n",
    "pids.max": "64\n",
    "io.stat": "8:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=1 wbytes=2\n",
  }, (v2) => {
    const record = { path: "/c", v2, v1: {}, made: [] };
    assertEquals(readOom(record), 2);
    assertEquals(readStats(record), {
      cpu: { usage: 1500, system: 500, throttled: 4 },
      memory: { usage: 8192, inactiveFile: 4096 },
      pids: { current: 5, limit: 64 },
      io: { read: 101, written: 9 },
    });
  });
});

Deno.test("version 1's files, without version 2", async () => {
  await withFiles({
    "cpuacct.usage": "1500499\n",
    "cpuacct.usage_sys": "500000\n",
    "cpu.stat": "nr_periods 9\nnr_throttled 4\nthrottled_time 1\n",
    "memory.usage_in_bytes": "8192\n",
    "memory.limit_in_bytes": "9223372036854771712\n",
    "memory.stat": "inactive_file 1\ntotal_inactive_file 4096\n",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "pids.current": "5\n",
    "pids.max": "max\n",
    "blkio.throttle.io_service_bytes_recursive":
      "8:0 Read 100\n8:0 Write 7\n8:0 Sync 107\n8:16 Read 1\n8:16 Write 2\nTotal 110\n",
  }, (all) => {
    const v1 = { cpu: all, cpuacct: all, memory: all, pids: all, blkio: all };
    const record = { path: "/c", v1, made: [] };
    assertEquals(readOom(record), 2);
    assertEquals(readStats(record), {
      cpu: { usage: 1500, system: 500, throttled: 4 },
      memory: { usage: 8192, inactiveFile: 4096 },
      pids: { current: 5 },
      io: { read: 101, written: 9 },
    });
  });
});

Deno.test("a group that has gone has used nothing that could be told", () => {
  const record = { path: "/c", v2: "/nowhere", v1: {}, made: [] };
  assertEquals(readOom(record), 0);
  const nothing = { cpu: undefined, memory: undefined, pids: undefined, io: undefined };
  assertEquals(readStats(record), nothing);
});

Deno.test("of a group without a directory nothing is read, wherever this process is", async () => {
  await using root = await tempRoot();
  const own = Deno.cwd();
  Deno.mkdirSync(`${root.path}/undefined`);
  for (const name of ["cpuacct.usage", "memory.current", "pids.current", "io.stat"]) {
    Deno.writeTextFileSync(`${root.path}/undefined/${name}`, "1\n");
  }
  Deno.chdir(root.path);
  try {
    const nothing = { cpu: undefined, memory: undefined, pids: undefined, io: undefined };
    assertEquals(readStats({ path: "/c", v1: {}, made: [] }), nothing);
  } finally {
    Deno.chdir(own);
  }
});
