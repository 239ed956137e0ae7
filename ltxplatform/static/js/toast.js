// toast("Copied", "good") from a module; from the server the header HX-Trigger: {"toast": {"text": ..., "tone": ...}}.
// Good news leaves by itself, unless someone is looking at it; bad news waits to be closed.
const STAYS = 6000;
const list = () => document.getElementById("toasts");

export function toast(text, tone = "info") {
  const item = document.getElementById("toast-template")?.content.querySelector(`.toast.${tone}`)?.cloneNode(true);
  if (!item) return;
  item.querySelector("[data-text]").textContent = text;
  list().append(item);
  expire(item);
}

function expire(item) {
  if (item.classList.contains("bad") || item.classList.contains("warn")) return;
  setTimeout(() => (item.matches(":hover, :focus-within") ? expire(item) : item.remove()), STAYS);
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-toast-close]")) event.target.closest(".toast").remove();
});
document.addEventListener("toast", (event) => toast(event.detail.text, event.detail.tone));
for (const item of document.querySelectorAll("#toasts > .toast")) expire(item);
