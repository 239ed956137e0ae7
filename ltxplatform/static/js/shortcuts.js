// "?" opens the sheet; "g" and then a letter follows the link marked data-key="letter".
// Single keys can be switched off in the sheet, for people whose tools type letters for them.
const STORE = "shortcuts";
const sheet = document.getElementById("shortcuts");
const isOff = () => localStorage.getItem(STORE) === "off";
const writes = (element) => element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);
let goes = 0;

document.addEventListener("keydown", (event) => {
  if (isOff() || event.ctrlKey || event.metaKey || event.altKey || writes(event.target)) return;
  if (event.key === "?" && sheet) sheet.showModal();
  else if (event.key === "g") goes = event.timeStamp;
  else if (event.timeStamp - goes < 1200) {
    goes = 0;
    document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
});

const toggle = sheet?.querySelector("[data-shortcuts-toggle]");
if (toggle) {
  toggle.checked = !isOff();
  toggle.addEventListener("change", () => localStorage.setItem(STORE, toggle.checked ? "on" : "off"));
}
