/**
 * Lesson 13: four attacks, each with the one thing away that it fails on, and then with it; and an
 * image that somebody has exchanged.
 *
 * @module
 */

import { CLONE, O } from "../../ffi/constants.ts";
import type { Program } from "../../ffi/program.ts";
import { readHostFile } from "../../runtime/host_files.ts";
import { makeChild } from "../children.ts";
import { statusField } from "../containers.ts";
import type { Lesson, Stage } from "../lesson.ts";
import { openRegistry, packLayer, packPrograms } from "../registry.ts";
import { newSigner, signImage } from "./signing.ts";

/** The lesson's steps. */
export const lesson: Lesson = {
  needs: ["root", "libseccomp", { controller: "pids" }],
  exercise: "exercise.sh",
  steps: {
    "a parameter": aParameter,
    "system calls": systemCalls,
    "a setuid program": aSetuidProgram,
    "another's root": anothersRoot,
    "all at once": allAtOnce,
    "an exchanged image": anExchangedImage,
  },
};

const RUN = "tiffin run --network none";

/** A parameter of the whole kernel's that does no harm: seconds that a lease may be held. */
const PARAMETER = "/proc/sys/fs/lease-break-time";

async function aParameter(stage: Stage): Promise<void> {
  const before = readHostFile(PARAMETER)!.trim();
  stage.defer(() => Deno.writeTextFileSync(PARAMETER, before));
  const attack = `mount -o remount,rw,bind /proc/sys && echo 46 > ${PARAMETER}`;
  Deno.writeTextFileSync(`${stage.scratch}/attack`, `${attack}\n`);
  await stage.type("cat attack");
  const run = `-v $PWD/attack:/attack:ro local sh /attack`;
  await stage.type(`${RUN} --cap-add SYS_ADMIN --security-opt seccomp=unconfined ${run}`);
  const reached = await stage.type(`cat ${PARAMETER}`);
  Deno.writeTextFileSync(PARAMETER, before);
  stage.say({
    en: "The host's parameter was changed. It is put back, and the same is tried without the " +
      "capability:",
    zh: "宿主机的参数被改掉了。把它恢复，再在没有这个权能的情况下试一次：",
  });
  await stage.type(`${RUN} --security-opt seccomp=unconfined ${run}`);
  const held = await stage.type(`cat ${PARAMETER}`);
  stage.expect(reached === "46\n" && held.trim() === before, {
    en: `the parameter was ${reached.trim()} with it and ${held.trim()} without`,
    zh: `有该权能时参数为 ${reached.trim()}，没有时为 ${held.trim()}`,
  });
}

async function systemCalls(stage: Stage): Promise<void> {
  const attack = "local unshare -rm sh -c 'mount -t tmpfs x /mnt && echo mounted'";
  const open = await stage.type(`${RUN} --security-opt seccomp=unconfined ${attack}`);
  const filtered = await stage.type(`${RUN} ${attack}`);
  stage.expect(open === "mounted\n" && /not permitted/.test(filtered), {
    en: `without the filter: ${open.trim()}; with it: ${filtered.trim()}`,
    zh: `没有过滤器时：${open.trim()}；有过滤器时：${filtered.trim()}`,
  });
}

async function aSetuidProgram(stage: Stage): Promise<void> {
  const tools = `${stage.scratch}/tools`;
  Deno.mkdirSync(tools, { mode: 0o755 });
  Deno.copyFileSync("/usr/bin/id", `${tools}/id`);
  // mode 04755, owner root: whoever starts it becomes root
  Deno.chmodSync(`${tools}/id`, 0o4755);
  await stage.type("stat -c '%A %U %n' tools/id");
  const run = "-u 1000 -v $PWD/tools:/tools local /tools/id";
  const open = await stage.type(`${RUN} --security-opt no-new-privileges=false ${run}`);
  const held = await stage.type(`${RUN} ${run}`);
  stage.expect(open.includes("euid=0") && !held.includes("euid=0"), {
    en: `without no_new_privs: ${open.trim()}; with it: ${held.trim()}`,
    zh: `没有 no_new_privs 时：${open.trim()}；有时：${held.trim()}`,
  });
}

/** A user of the host's who owns nothing. */
const NOBODY_S_ID = 3_000_000;

async function anothersRoot(stage: Stage): Promise<void> {
  const attack = (program: Program) => {
    program.call("who am I?").geteuid();
    program.call("the passwords").open("/etc/shadow", O.RDONLY | O.CLOEXEC, 0);
  };
  stage.say({ en: "Root of the host's user namespace:", zh: "宿主机用户命名空间里的 root：" });
  const plain = await makeChild(stage, { flags: CLONE.NEWNS }, attack);
  stage.show(plain.lines);
  await plain.release();
  stage.say({ en: "Root of a user namespace of its own:", zh: "自己的用户命名空间里的 root：" });
  const flags = CLONE.NEWUSER | CLONE.NEWNS;
  const mapped = await makeChild(stage, { flags, root: NOBODY_S_ID }, attack);
  stage.show(mapped.lines);
  await stage.type(`cat /proc/${mapped.pid}/uid_map; grep CapEff /proc/${mapped.pid}/status`);
  stage.expect(plain.failed === undefined && mapped.failed?.name === "open", {
    en: "both got at the file, or none did",
    zh: "两者都读到了文件，或者都没有读到",
  });
  await mapped.release();
}

async function allAtOnce(stage: Stage): Promise<void> {
  const running = stage.start(["sh", "-c", `exec ${RUN} local sh -c 'echo ready; sleep 60'`]);
  await stage.until(() => running.output().includes("ready"));
  const found = await stage.run(["pgrep", "-n", "-f", "^sh -c echo ready; sleep 60"]);
  const pid = Number(found.output.trim());
  const fields = ["CapEff", "NoNewPrivs", "Seccomp"];
  const rows = fields.map((field) =>
    `${field.padEnd(12)}${statusField("self", field).padEnd(20)}${statusField(pid, field)}`
  );
  const heading = stage.language === "zh"
    ? `${" ".repeat(12)}本命令${" ".repeat(14)}容器`
    : `${" ".repeat(12)}${"this command".padEnd(20)}a container`;
  stage.show([heading, ...rows]);
  stage.expect(statusField(pid, "NoNewPrivs") === "1" && statusField(pid, "Seccomp") === "2", {
    en: "the container is not as protected as the lesson says",
    zh: "容器的保护与课文所说不同",
  });
  await running.stop();
}

async function anExchangedImage(stage: Stage): Promise<void> {
  const registry = openRegistry(stage);
  const programs = await packPrograms("sh");
  const say = async (words: string) => [
    await packLayer({ "say": `echo ${words}\n` }),
    programs,
  ];
  const command = ["sh", "/say"];
  const name = `${registry.host}/app`;
  const good = await registry.put("app", "1", await say("I am the real one"), command);
  const signer = await newSigner();
  await signImage(registry, "app", good, signer);
  Deno.writeTextFileSync(`${stage.scratch}/cosign.pub`, signer.pem);
  stage.defer(() => stage.run(["tiffin", "rmi", "-f", `${name}:1`]));
  const first = await stage.type(
    `tiffin pull -q --verify cosign.pub ${name}:1 >/dev/null; ` +
      `${RUN} ${name}:1`,
  );
  stage.say({
    en: "Somebody breaks into the registry and gives the name to another image:",
    zh: "有人侵入制品库，把这个名字给了另一个镜像：",
  });
  await registry.put("app", "1", await say("I am something else"), command);
  const verified = await stage.run(["tiffin", "pull", "-q", "--verify", "cosign.pub", `${name}:1`]);
  stage.show(`tiffin pull --verify cosign.pub ${name}:1`);
  stage.show(verified.output);
  stage.say({ en: "And without a key:", zh: "而不带公钥：" });
  const trusting = await stage.type(`tiffin pull -q ${name}:1 >/dev/null; ${RUN} ${name}:1`);
  stage.expect(
    first.includes("real one") && verified.code !== 0 && trusting.includes("something else"),
    {
      en: "the exchanged image was not told from the signed one",
      zh: "被调换的镜像没有与签名的镜像区分开",
    },
  );
}
