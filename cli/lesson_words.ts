/**
 * What `lesson` itself says, in each language of the course.
 *
 * @module
 */

import type { Language, Text } from "../lessons/lesson.ts";

/** The sentences; `%` stands for what is put in, in order. */
export const WORDS = {
  course: { en: "The course", zh: "课程" },
  done: { en: "done", zh: "已完成" },
  read: { en: "read; the exercise is open", zh: "已读；练习未完成" },
  open: { en: "", zh: "" },
  begin: { en: "Begin or go on with: tiffin lesson %", zh: "开始或继续：tiffin lesson %" },
  allDone: { en: "All of it is done.", zh: "全部完成。" },
  checkout: {
    en: 'From a checkout, "tiffin" is: deno run -A mod.ts',
    zh: "在源码目录中，“tiffin” 就是：deno run -A mod.ts",
  },
  goOn: { en: "Enter: go on   q: quit", zh: "回车：继续   q：退出" },
  choose: {
    en: "Your guess (%)?   Enter: no guess   q: quit",
    zh: "你的猜测（%）？   回车：不猜   q：退出",
  },
  running: { en: "…", zh: "……" },
  right: { en: "%) — right.", zh: "%)——正确。" },
  wrong: { en: "You said %); it is %).", zh: "你选了 %)；答案是 %)。" },
  answer: { en: "It is %).", zh: "答案是 %)。" },
  exitCode: { en: "[exit code %]", zh: "[退出码 %]" },
  surprise: {
    en: "This machine did something else than the lesson says: %",
    zh: "本机的行为与课文所说不同：%",
  },
  otherwise: { en: "`%` was to answer otherwise", zh: "`%` 的结果与课文不符" },
  yourFile: { en: "Your file: %", zh: "你的文件：%" },
  next: {
    en: "Edit it, then: tiffin lesson check %   (a hint: tiffin lesson hint %)",
    zh: "编辑后运行：tiffin lesson check %   （提示：tiffin lesson hint %）",
  },
  startWatch: {
    en: "Edit it in another terminal.  Enter: try it now, and on every save  q: later",
    zh: "请在另一个终端中编辑它。 回车：现在检查，之后每次保存都检查  q：以后再做",
  },
  watchKeys: {
    en: "n next  h hint  s solution  l list  r run again  q quit  (tried on every save)",
    zh: "n 下一课  h 提示  s 答案  l 列表  r 再检查  q 退出   （每次保存都会检查）",
  },
  trying: { en: "Trying % …", zh: "正在检查 % ……" },
  passed: { en: "Passed.", zh: "通过。" },
  notYet: { en: "Not yet.", zh: "还没有通过。" },
  itWrote: { en: "What it wrote:", zh: "它的输出：" },
  itWroteLast: {
    en: "The last % of the % lines that it wrote:",
    zh: "它的输出，最后 % 行（共 % 行）：",
  },
  solution: { en: "One way to write it (%):", zh: "一种写法（%）：" },
  passFirst: {
    en: "the solution of lesson % is shown once its exercise has passed",
    zh: "第 % 课的答案在练习通过之后才显示",
  },
  passFirstToGoOn: { en: "Not before this one has passed.", zh: "先通过本课练习。" },
  hint: { en: "Hint % of %: ", zh: "提示 %/%：" },
  reset: { en: "A fresh exercise: %", zh: "练习已重置：%" },
  cannot: { en: "Lesson % cannot run here:", zh: "第 % 课在这里无法运行：" },
  fix: { en: "what helps: %", zh: "解决办法：%" },
  notBegun: { en: "not begun", zh: "未开始" },
} as const satisfies Record<string, Text>;

/** A sentence, with what is put in for each `%`. */
export function word(language: Language, name: keyof typeof WORDS, ...put: unknown[]): string {
  let at = 0;
  return WORDS[name][language].replace(/%/g, () => String(put[at++ % Math.max(put.length, 1)]));
}

/** The reader's language: what is asked for, else the locale's by locale(7), else English. */
export function languageOf(asked: string | undefined): Language {
  const { env } = Deno;
  const name = asked ?? (env.get("LC_ALL") || env.get("LC_MESSAGES") || env.get("LANG") || "");
  return name.startsWith("zh") ? "zh" : "en";
}
