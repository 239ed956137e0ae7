// data-copy="#id" copies that element's text or value; data-copy-text="..." copies the text itself.
import { toast } from "./toast.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const source = button.dataset.copy && document.querySelector(button.dataset.copy);
  const text = source ? (source.value ?? source.textContent) : button.dataset.copyText;
  try {
    await navigator.clipboard.writeText(text.trim());
    toast("Copied", "good");
  } catch {
    // Without permission, or outside HTTPS: select the text so that one key copies it.
    if (source) getSelection().selectAllChildren(source);
    toast("Press Ctrl+C to copy", "info");
  }
});
