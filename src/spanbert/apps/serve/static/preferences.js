// Language and theme, which the browser remembers where it may.

import { LANGUAGES, speak } from "./words.js";

/** Sets both up as they were chosen last; `onLanguage` is told of a language that is chosen later. */
export function setUp(onLanguage) {
  const [language, theme] = ["language", "theme"].map((id) => document.getElementById(id));
  const wanted = remembered("language") ?? navigator.language.slice(0, 2);
  language.value = LANGUAGES.includes(wanted) ? wanted : "en";
  theme.value = remembered("theme") ?? "auto";
  speak(language.value);
  document.documentElement.dataset.theme = theme.value;
  language.addEventListener("change", () => {
    speak(language.value);
    remember("language", language.value);
    onLanguage();
  });
  theme.addEventListener("change", () => {
    document.documentElement.dataset.theme = theme.value;
    remember("theme", theme.value);
  });
}

function remembered(name) {
  try {
    return localStorage.getItem(`spanbert.${name}`);
  } catch {
    return null; // storage is forbidden
  }
}

function remember(name, value) {
  try {
    localStorage.setItem(`spanbert.${name}`, value);
  } catch {
    // forbidden: then it holds for this visit
  }
}
