// Forms with data-guard warn before what was typed is lost, and say beside their button that it is not saved yet.
const changed = new Set();

function snapshot(form) {
  return new URLSearchParams(new FormData(form)).toString();
}

const before = new WeakMap();
for (const form of document.querySelectorAll("form[data-guard]")) before.set(form, snapshot(form));

document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-guard]");
  if (!form || !before.has(form)) return;
  const differs = snapshot(form) !== before.get(form);
  form.toggleAttribute("data-changed", differs);
  if (differs) changed.add(form);
  else changed.delete(form);
});
document.addEventListener("submit", (event) => changed.delete(event.target));
window.addEventListener("beforeunload", (event) => {
  if (changed.size) event.preventDefault();
});
