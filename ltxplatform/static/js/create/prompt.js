// Starters and patterns fill the empty prompt, the seven parts add to it, and Tab walks through [blanks].
const BLANK = /\[[^\]\n]+\]/g;
const prompt = () => document.getElementById("create-prompt");

function write(text, from) {
  const field = prompt();
  field.value = text;
  field.focus();
  field.setSelectionRange(text.length, text.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  selectBlank(from);
}

function blanks() {
  return [...prompt().value.matchAll(BLANK)].map((match) => [match.index, match.index + match[0].length]);
}

function selectBlank(from) {
  const next = blanks().find(([start]) => start >= from);
  if (next) prompt().setSelectionRange(...next);
  return Boolean(next);
}

function selectBlankBefore(to) {
  const before = blanks().findLast(([, end]) => end <= to);
  if (before) prompt().setSelectionRange(...before);
  return Boolean(before);
}

document.addEventListener("click", (event) => {
  const opening = event.target.closest("a[data-prompt]");
  const part = event.target.closest("[data-part]");
  if (opening && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    write(opening.dataset.prompt, 0);
  } else if (part) {
    const text = prompt().value.trimEnd();
    write(text + (text ? ", " : "") + part.dataset.part, text.length);
  }
});

// Tab leaves the field as usual once no blank is left in its direction, so nobody is held here.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Tab" || event.target !== prompt() || event.ctrlKey || event.altKey) return;
  const { selectionStart, selectionEnd } = prompt();
  const moved = event.shiftKey ? selectBlankBefore(selectionStart) : selectBlank(selectionEnd);
  if (moved) event.preventDefault();
});
