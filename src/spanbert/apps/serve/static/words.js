// What the page says, in English and Chinese. Drawings bring their own words (data-sb-zh), and the service says in English
// what is wrong with a request, before which a Chinese page names the type of the error.

export const LANGUAGES = ["en", "zh"];

const WORDS = {
  language: ["Language", "语言"],
  theme: ["Theme", "主题"],
  auto: ["as the system", "跟随系统"],
  light: ["light", "浅色"],
  dark: ["dark", "深色"],
  ask: ["Ask", "输入"],
  key: ["API key", "API 密钥"],
  task: ["Task", "任务"],
  run: ["Run", "运行"],
  shortcut: ["or Ctrl+Enter", "或按 Ctrl+Enter"],
  answer: ["Answer", "结果"],
  nothing: ["Nothing was asked yet.", "尚未运行。"],
  copy: ["Copy", "复制"],
  link: ["link", "链接"],
  addresses: ["Addresses and bodies", "接口地址与格式"],
  file: ["Open a file", "打开文件"],
  drop: ["Type, paste, or drop a file", "输入、粘贴或拖入文件"],
  text: ["Text", "文本"],
  text_pair: ["Second text", "第二段文本"],
  question: ["Question", "问题"],
  context: ["Text that holds the answer", "包含答案的文本"],
  entities: ["Entities (none: the model finds them)", "实体（留空则由模型识别）"],
  type: ["Type", "类型"],
  mark: ["Mark the selection", "标记选中的文字"],
  unmark: ["Remove", "移除"],
  select: ["Select some words of the text first.", "请先在文本中选中文字。"],
  running: ["Running …", "正在运行……"],
  answered: ["Answered in {} ms.", "用时 {} 毫秒。"],
  copied: ["Copied.", "已复制。"],
  shown: ["Select and copy it below.", "请在下方选中并复制。"],
  characters: ["{} of at most {} characters", "{} 个字符，上限 {}"],
  unreadable: ["{}: not a text in UTF-8.", "{}：不是 UTF-8 文本。"],
  large: ["{}: larger than the {} characters that may be asked about.", "{}：超出 {} 个字符的上限。"],
  unread: ["Not JSON: {}", "不是 JSON：{}"],
  unreachable: ["The service does not answer.", "服务没有响应。"],
  why: ["Why?", "为什么？"],
  choose: [
    "Choose what was said: the words are shaded by what they add to it or take away.",
    "选择一项结果：各词按其支持或反对的程度着色。",
  ],
  explaining: ["Finding out why …", "正在解释……"],
  explained: ["Explained in {} ms. The words that count most stand in the table.", "用时 {} 毫秒。作用最大的词列在表中。"],
  locked: ["This service wants a key.", "此服务需要密钥。"],
  later: ["Try again in {} s.", "请在 {} 秒后重试。"],
  request: ["(request {})", "（请求编号 {}）"],
  answers: ["The service answered {}.", "服务返回 {}。"],
  malformed: ["", "请求格式有误："],
  empty: ["", "没有输入："],
  unauthorized: ["", "未获授权："],
  not_found: ["", "找不到地址、模型或任务："],
  not_allowed: ["", "不支持此请求方法："],
  slow: ["", "请求发送过慢："],
  too_large: ["", "输入超出上限："],
  unprocessable: ["", "无法处理此输入："],
  overloaded: ["", "服务繁忙："],
  internal: ["", "服务内部错误："],
  unavailable: ["", "服务暂不可用："],
  timed_out: ["", "处理超时："],
};

let language = "en";

/** The words for something, in the language of the page. */
export function say(name, ...values) {
  let rest = [...values];
  return WORDS[name][LANGUAGES.indexOf(language)].replace(/\{\}/g, () => rest.shift());
}

/** Speaks a language from now on, also in what is shown already. */
export function speak(chosen) {
  language = chosen;
  document.documentElement.lang = chosen === "zh" ? "zh-Hans" : "en";
  for (const one of document.querySelectorAll("[data-say]")) {
    one.textContent = say(one.dataset.say, ...JSON.parse(one.dataset.values ?? "[]"));
  }
}

/** Lets an element say something, also in a language that is spoken later; nothing without a name. */
export function tell(element, name, ...values) {
  element.textContent = name && say(name, ...values);
  delete element.dataset.say;
  delete element.dataset.values;
  if (name) element.dataset.say = name;
  if (values.length) element.dataset.values = JSON.stringify(values);
}

/** Lets an element say why there is no answer (`Fault`): what kind of error it is, then the words of the service. */
export function tellFault(element, { status, errorType, message, retryAfter, requestId }) {
  tell(element, status === 0 ? "unreachable" : "");
  if (status === 0) return;
  const said = document.createElement("span");
  said.lang = "en";
  said.textContent = message;
  const parts = [
    message ? said : sayIn("span", "answers", status),
    status === 401 && sayIn("span", "locked"),
    retryAfter && sayIn("span", "later", retryAfter),
    requestId && sayIn("span", "request", requestId),
  ];
  if (message && errorType in WORDS) element.append(sayIn("span", errorType));
  element.append(...parts.filter(Boolean).flatMap((one) => [one, " "]).slice(0, -1));
}

/** The language that is spoken. */
export const spoken = () => language;

/** An element that says something in the language of the page, or a name that it has no words for. */
export function sayIn(tag, name, ...values) {
  const element = document.createElement(tag);
  if (name in WORDS) tell(element, name, ...values);
  else element.textContent = name;
  return element;
}
