/**
 * What is mounted: `--volume`, `--mount`, `--tmpfs`, `--read-only`, `--shm-size`.
 *
 * @module
 */

import { assertEquals } from "@std/assert/equals";
import { tempRoot } from "../../helpers/temp_root.ts";
import { changes, options, refusal } from "../run_flags.ts";

function bound(source: string, destination: string, ...options: string[]) {
  return { mounts: [{ destination, type: "bind", source, options }] };
}

Deno.test("-v binds a path of the host's", async () => {
  assertEquals(await options("-v", "/etc:/host"), bound("/etc", "/host", "rbind", "rprivate"));
  assertEquals(
    await options("-v", "/etc/:/a//b/:ro"),
    bound("/etc", "/a/b", "rbind", "rprivate", "rro"),
  );
  assertEquals(
    await options("-v", "/etc:/host:ro,rslave"),
    bound("/etc", "/host", "rbind", "rro", "rslave"),
  );
  assertEquals(
    await options("-v", "/etc:/h:rw,z,cached"),
    bound("/etc", "/h", "rbind", "rprivate"),
  );
  assertEquals(await options("-v", ".:/work"), bound(Deno.cwd(), "/work", "rbind", "rprivate"));
  assertEquals(
    await options("-v", "./cli/../cli:/work"),
    bound(`${Deno.cwd()}/cli`, "/work", "rbind", "rprivate"),
  );
});

Deno.test("-v remembers a source that is missing, to be made", async () => {
  await using root = await tempRoot();
  const missing = `${root.path}/a/b`;
  assertEquals(await changes("-v", `${missing}:/x`), {
    makeDirectories: [missing],
    options: bound(missing, "/x", "rbind", "rprivate"),
  });
});

Deno.test("-v with a name, or with none, is a volume", async () => {
  assertEquals(await changes("-v", "data:/var/lib/data:ro"), {
    volumes: [{
      name: "data",
      destination: "/var/lib/data",
      options: ["rbind", "rprivate", "rro"],
    }],
  });
  assertEquals(await changes("-v", "/data"), {
    volumes: [{ destination: "/data", options: ["rbind", "rprivate"] }],
  });
});

Deno.test("-v that is wrong", async () => {
  const form = "is not SOURCE:DEST or SOURCE:DEST:OPTIONS";
  for (const text of ["a:b:c:d", ":/x", "/x:", "/a::ro", ""]) {
    assertEquals(await refusal(`-v=${text}`), `--volume: ${JSON.stringify(text)} ${form}`);
  }
  assertEquals(await refusal("-v", "/a:b"), '--volume: "b" is not an absolute path');
  assertEquals(
    await refusal("-v", "/etc:/.."),
    '--volume: "/.." is the container\'s root: mount it somewhere below',
  );
  assertEquals(
    await refusal("-v", "/etc:/x:zz"),
    '--volume: "/etc:/x:zz" has the unknown option "zz"; there are ro, rw, rslave, rshared, rprivate',
  );
  assertEquals(await refusal("-v", "/etc:/x:ro,rw"), '--volume: "/etc:/x:ro,rw" is both ro and rw');
  assertEquals(
    await refusal("-v", "/etc:/x:slave,shared"),
    '--volume: "/etc:/x:slave,shared" says twice how mounts travel',
  );
  const rule = "is not a volume's name: two or more letters, digits, _ . and -, " +
    "a letter or digit first";
  assertEquals(
    await refusal("-v", "cli/x:/x"),
    `--volume: "cli/x" ${rule}; a directory here is ./cli/x`,
  );
  assertEquals(
    await refusal("-v", "~/x:/x"),
    `--volume: "~/x" ${rule}; for the home directory, write $HOME`,
  );
});

Deno.test("--mount type=bind", async () => {
  const bind = (...pairs: string[]) => options("--mount", ["type=bind", ...pairs].join(","));
  const plain = ["rbind", "rprivate"];
  assertEquals(await bind("src=/etc", "dst=/x"), bound("/etc", "/x", ...plain));
  assertEquals(await bind("source=/etc", "target=/x"), bound("/etc", "/x", ...plain));
  assertEquals(await bind("SRC=/etc", "Destination=/x"), bound("/etc", "/x", ...plain));
  const readonly = [...plain, "rro"];
  for (const word of ["ro", "readonly", "readonly=true", "ro=1"]) {
    assertEquals(await bind("src=/etc", "dst=/x", word), bound("/etc", "/x", ...readonly));
  }
  assertEquals(await bind("src=/etc", "dst=/x", "ro=false"), bound("/etc", "/x", ...plain));
  const more: Record<string, string[]> = {
    "bind-propagation=rshared": ["rbind", "rshared"],
    "bind-recursive=disabled": ["rprivate", "bind"],
    "bind-recursive=disabled,ro": ["rprivate", "bind", "ro"],
    "bind-recursive=writable,ro": ["rbind", "rprivate", "ro"],
    "bind-recursive=readonly,ro": ["rbind", "rprivate", "rro"],
    "bind-nonrecursive": ["rprivate", "bind"],
    "consistency=cached": plain,
  };
  for (const [words, expected] of Object.entries(more)) {
    assertEquals(await bind("src=/etc", "dst=/x", words), bound("/etc", "/x", ...expected), words);
  }
});

Deno.test("--mount takes fields in quotes", async () => {
  await using root = await tempRoot();
  const source = `${root.path}/a,"b`;
  await Deno.mkdir(source);
  const field = `"src=${source.replaceAll('"', '""')}"`;
  assertEquals(
    await options("--mount", `type=bind,${field},dst=/x`),
    bound(source, "/x", "rbind", "rprivate"),
  );
});

Deno.test("--mount type=volume, which is the default", async () => {
  const use = { destination: "/x", options: ["rbind", "rprivate"] };
  assertEquals(await changes("--mount", "src=data,dst=/x"), {
    volumes: [{ name: "data", ...use }],
  });
  assertEquals(await changes("--mount", "type=volume,dst=/x,volume-nocopy"), {
    volumes: [{ ...use, nocopy: true }],
  });
});

Deno.test("--mount type=tmpfs and --tmpfs", async () => {
  assertEquals(
    await options("--mount", "type=tmpfs,dst=/x,tmpfs-size=1.5m,tmpfs-mode=1770"),
    { tmpfs: { "/x": ["size=1572864", "mode=1770"] } },
  );
  assertEquals(await options("--mount", "type=tmpfs,dst=/x,ro"), { tmpfs: { "/x": ["ro"] } });
  assertEquals(await options("--tmpfs", "/x", "--tmpfs", "/y:exec,size=50%,uid=1"), {
    tmpfs: { "/x": [], "/y": ["exec", "size=50%", "uid=1"] },
  });
  assertEquals(
    await refusal("--tmpfs", "/x:sice=1m"),
    '--tmpfs: "/x:sice=1m" has the unknown option "sice=1m"; size=64m and mode=1777 are two',
  );
  assertEquals(
    await refusal("--tmpfs", "/x:size=x"),
    '--tmpfs: "/x:size=x" has "size=x", which is no value for size',
  );
  assertEquals(await refusal("--tmpfs", "x"), '--tmpfs: "x" is not an absolute path');
});

Deno.test("--mount that is wrong", async () => {
  const says = async (text: string, problem: string) =>
    assertEquals(await refusal("--mount", text), `--mount: ${JSON.stringify(text)} ${problem}`);
  await says("type=npipe,dst=/x", 'has the unknown type "npipe"; there are bind, volume and tmpfs');
  await says("type=bind,dst=/x", "needs a source, the path on the host");
  await says("type=bind,src=/etc", "needs a target, the path in the container");
  await says("type=bind,src=/no/x,dst=/x", "has a source that is not there: /no/x");
  await says(
    "type=bind,sorce=/etc,dst=/x",
    'has "sorce", which type=bind has not; did you mean "source"?',
  );
  await says("type=bind,src,dst=/x", 'has no value for "source"');
  await says("type=bind,src=/etc,dst=/x,ro=yes", 'has "yes" for readonly, which is true or false');
  await says(
    "type=bind,src=/etc,dst=/x,bind-recursive=readonly",
    "needs readonly for bind-recursive=readonly",
  );
  await says(
    "type=bind,src=/etc,dst=/x,bind-propagation=up",
    'has "up" for bind-propagation; there are private, rprivate, slave, rslave, shared, rshared',
  );
  await says("type=volume,src=,dst=/x", "has an empty source: name a volume, or leave the key out");
});

Deno.test("one place has room for one thing", async () => {
  const message = "two things are to be mounted at /x: leave one out";
  assertEquals(await refusal("-v", "/etc:/x", "--tmpfs", "/x/"), message);
  assertEquals(await refusal("-v", "a1:/x", "--mount", "src=b1,dst=/x"), message);
});

Deno.test("--read-only and --shm-size", async () => {
  assertEquals(await options("--read-only"), { readonly: true });
  assertEquals(await options("--shm-size", "1g"), { shmSize: 2 ** 30 });
  assertEquals(await refusal("--shm-size", "0"), '--shm-size: "0" leaves no room: write 64m');
  assertEquals(await refusal("--shm-size=x"), '--shm-size: "x" is not a size; write 32m or 1g');
});
